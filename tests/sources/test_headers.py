"""Headers of the user's own: what may be one, which requests carry it, and that no secret is shown."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr, ValidationError
from tests.builders import ManualClock
from tests.sources.polled import NAME, WINDOW_MS, no_sleep
from tests.sources.store_sink import StoreSink

from dora_exporter.sources import KINDS
from dora_exporter.sources.contract import Misconfigured, Source, SourceContext
from dora_exporter.sources.datadog.source import DatadogApmSettings
from dora_exporter.sources.http.client import Refused, RetryTiming, Transport
from dora_exporter.sources.http.settings import HttpSourceSettings
from dora_exporter.sources.pagerduty.settings import PagerDutySettings
from dora_exporter.sources.prometheus.source import PrometheusSettings
from dora_exporter.sources.settings import secret_of

SECRET = "s3cret-of-a-gateway"
MODELS: Mapping[str, type[HttpSourceSettings]] = {
    "prometheus": PrometheusSettings,
    "pagerduty": PagerDutySettings,
    "datadog_apm": DatadogApmSettings,
}
KINDS_OF_POLLED: Mapping[str, Mapping[str, Any]] = {
    "prometheus": {"url": "{}", "backfill": "1h"},
    "pagerduty": {"base_url": "{}", "token": "token-of-an-account"},
    "datadog_apm": {"base_url": "{}", "api_key": "key-of-an-account", "app_key": SECRET[:6]},
}


def settings_of(kind: str, changes: Mapping[str, object], url: str = "http://127.0.0.1:1") -> HttpSourceSettings:
    given = {name: str(value).format(url) for name, value in KINDS_OF_POLLED[kind].items()}
    return MODELS[kind].model_validate({"kind": kind, **given, **changes})


class Gateway:
    """Refuses each request with words that repeat a secret; remembers the headers."""

    def __init__(self) -> None:
        self.headers: list[Mapping[str, str]] = []
        self.status = 403
        self.location = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.headers.append(request.headers)
        words = {"error": f"{request.headers.get('X-Gateway-Key')} may not"}
        return web.json_response(words, status=self.status, headers={"Location": self.location})


@asynccontextmanager
async def asked(kind: str, gateway: Gateway, **changes: object) -> AsyncIterator[Source]:
    """A source that asks the gateway."""
    clock = ManualClock()
    transport = Transport(clock=clock, retry_timing=RetryTiming(sleep=no_sleep, chance=lambda: 0.0))
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", gateway.answer)
    async with TestServer(application) as server:
        await transport.open()
        context = SourceContext(
            transport=transport, clock=clock, default_environment="none", longest_window_ms=WINDOW_MS
        )
        try:
            yield KINDS[kind](NAME, settings_of(kind, changes, str(server.make_url(""))), context)
        finally:
            await transport.close()


@pytest.mark.parametrize("kind", KINDS_OF_POLLED)
async def test_each_request_carries_the_headers_and_no_one_is_shown_their_values(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")
    gateway = Gateway()
    given = {"headers": {"X-Scope-OrgID": "shop"}, "headers_files": {"X-Gateway-Key": file}}
    async with asked(kind, gateway, **given) as source:
        with pytest.raises(Refused, match=r"\*\*\* may not") as refused:
            await source.poll({}, StoreSink(NAME), now_ms=ManualClock()())
        (headers,) = gateway.headers
        assert (headers["x-scope-orgid"], headers["x-gateway-key"]) == ("shop", SECRET)
        assert SECRET not in str(refused.value)
        file.write_text("another-key-of-a-gateway")
        with pytest.raises(Refused):
            await source.poll({}, StoreSink(NAME), now_ms=ManualClock()())
        assert gateway.headers[1]["X-Gateway-Key"] == "another-key-of-a-gateway"


@pytest.mark.parametrize("kind", KINDS_OF_POLLED)
async def test_a_redirect_takes_no_header_to_another_host(kind: str) -> None:
    elsewhere, gateway = Gateway(), Gateway()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", elsewhere.answer)
    async with TestServer(application) as server:
        gateway.status, gateway.location = 307, str(server.make_url("/"))
        async with asked(kind, gateway, headers={"X-Gateway-Key": SECRET}) as source:
            with pytest.raises(Refused, match="status 307"):
                await source.poll({}, StoreSink(NAME), now_ms=ManualClock()())
    assert (len(gateway.headers), elsewhere.headers) == (1, [])


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "is empty"),
        ("one\ntwo", "more than one line"),
        ("\u00fc", "printable ASCII"),
        ("x" * 8001, "1 to 8000"),
    ],
)
async def test_a_file_that_holds_no_value_is_a_misconfiguration(
    tmp_path: Path, written: str | None, problem: str
) -> None:
    file = tmp_path / "key"
    if written is not None:
        file.write_text(written)
    gateway = Gateway()
    async with asked("prometheus", gateway, headers_files={"X-Gateway-Key": file}) as source:
        with pytest.raises(Misconfigured, match=problem):
            await source.poll({}, StoreSink(NAME), now_ms=ManualClock()())
    assert gateway.headers == []


@pytest.mark.parametrize("kind", KINDS_OF_POLLED)
@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"headers": {"": "x"}}, "must be the name of an HTTP header"),
        ({"headers": {"X Y": "x"}}, "must be the name of an HTTP header"),
        ({"headers": {"X:": "x"}}, "must be the name of an HTTP header"),
        ({"headers": {"X\r\nY": "x"}}, "must be the name of an HTTP header"),
        ({"headers_files": {"\u00fc": "x"}}, "must be the name of an HTTP header"),
        ({"headers": {"X": ""}}, "must be 1 to 8000 printable ASCII"),
        ({"headers": {"X": f"{SECRET}\r\nY: z"}}, "must be 1 to 8000 printable ASCII"),
        ({"headers": {"X": f"{SECRET} "}}, "must be 1 to 8000 printable ASCII"),
        ({"headers": {"X": f"{SECRET}\u00fc"}}, "must be 1 to 8000 printable ASCII"),
        ({"headers": {"X": SECRET * 500}}, "must be 1 to 8000 printable ASCII"),
        ({"headers": {"X": [SECRET]}}, "valid string"),
        ({"headers": {"X": SECRET, "x": SECRET}}, "gives the header x twice"),
        ({"headers": {"X": SECRET}, "headers_files": {"x": "file"}}, "gives the header x twice"),
        ({"headers": {"Host": SECRET}}, "must not give the header Host"),
        ({"headers": {"content-TYPE": SECRET}}, "must not give the header content-TYPE"),
        ({"headers_files": {"Transfer-Encoding": "file"}}, "must not give the header Transfer-Encoding"),
        ({"headers": {f"X-{number}": SECRET for number in range(51)}}, "at most 50"),
    ],
)
def test_what_cannot_be_a_header_is_refused_without_its_value(kind: str, given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as refused:
        settings_of(kind, given)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "name"), [("pagerduty", "Authorization"), ("pagerduty", "Accept"), ("datadog_apm", "DD-API-KEY")]
)
def test_what_a_source_sends_itself_is_refused(kind: str, name: str) -> None:
    with pytest.raises(ValidationError, match=f"must not give the header {name}: it is set by the daemon"):
        settings_of(kind, {"headers": {name: "x"}})


async def test_a_prometheus_may_want_an_authorization_of_another_kind() -> None:
    gateway = Gateway()
    async with asked("prometheus", gateway, headers={"Authorization": "ApiKey x"}) as source:
        with pytest.raises(Refused):
            await source.poll({}, StoreSink(NAME), now_ms=ManualClock()())
    assert gateway.headers[0]["Authorization"] == "ApiKey x"
    with pytest.raises(ValidationError, match="must not give the header authorization"):
        settings_of("prometheus", {"headers": {"authorization": "x"}, "bearer_token": "y"})


@pytest.mark.parametrize("kind", KINDS_OF_POLLED)
def test_another_tenant_makes_a_source_read_the_past_again_and_another_file_does_not(kind: str) -> None:
    clock = ManualClock()
    context = SourceContext(
        transport=Transport(clock=clock), clock=clock, default_environment="none", longest_window_ms=WINDOW_MS
    )
    plain, file, one, two = (
        KINDS[kind](NAME, settings_of(kind, given), context).fingerprint
        for given in ({}, {"headers_files": {"X-Key": "a"}}, {"headers": {"X-A": "1"}}, {"headers": {"X-A": "2"}})
    )
    assert plain == file
    assert len({plain, one, two}) == 3


@pytest.mark.parametrize(
    "url", ["http://", "http://host:99999", "http://host:0", "http://host:x", "http://[::1", "http://a b"]
)
@pytest.mark.parametrize(
    ("kind", "name"), [("prometheus", "url"), ("pagerduty", "base_url"), ("datadog_apm", "base_url")]
)
def test_an_address_that_cannot_be_asked_is_refused(kind: str, name: str, url: str) -> None:
    with pytest.raises(ValidationError, match="must"):
        settings_of(kind, {name: url})


def test_a_token_of_several_lines_is_a_misconfiguration_and_no_defect() -> None:
    with pytest.raises(Misconfigured, match="one line of printable characters"):
        secret_of(SecretStr("a\nb"), None)
