"""The endpoint that every push source shares."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from tests.sources.account import NAME, Account, an_account, signature

from dora_exporter.sources.alertmanager.settings import AlertmanagerSettings
from dora_exporter.sources.argocd.settings import ArgoCdSettings
from dora_exporter.sources.contract import Ignored
from dora_exporter.sources.flux.settings import FluxSettings
from dora_exporter.sources.github.settings import GitHubSettings
from dora_exporter.sources.gitlab.settings import GitLabSettings
from dora_exporter.sources.pagerduty.settings import PagerDutySettings
from dora_exporter.sources.prometheus.source import PrometheusSettings
from dora_exporter.sources.settings import SourceSettings
from dora_exporter.sources.webhook.settings import WebhookSettings
from dora_exporter.web.application import application
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.webhooks import endpoint

KEY = {"DD-API-KEY": "key-of-a-sender"}
SECRET = "secret-of-the-account"
NOT_JSON = "the body is not an event as PagerDuty's v3 webhooks send it: JSON is malformed: invalid character (byte 0)"


@asynccontextmanager
async def client_of(account: Account) -> AsyncIterator[TestClient[Any, Any]]:
    access = Access(api_keys=KEY.values())
    routes = endpoint.routes(
        sources=account.sources, context=lambda: account.context, may_write=access.holds_key, clock=account.clock
    )
    server = TestServer(application(routes=routes, operations=(), access=access))
    await server.start_server(auto_decompress=False)
    async with TestClient(server) as client:
        yield client


async def post(client: TestClient[Any, Any], path: str, body: bytes, headers: dict[str, str]) -> int:
    async with client.post(path, data=body, headers=headers) as response:
        return response.status


def signed(body: bytes) -> dict[str, str]:
    return {"X-PagerDuty-Signature": signature(body, SECRET)}


def delivered(account: Account) -> list[tuple[str, str, str]]:
    """What the page of sources shows of the deliveries."""
    return [(each.kind, each.outcome, each.reason) for each in account.running.health.deliveries]


async def test_a_source_is_pushed_to_under_its_name() -> None:
    async with an_account(webhook_secrets=[SECRET]) as account, client_of(account) as client:
        first = account.fake.trigger()
        body = json.dumps(account.fake.deliveries[0]).encode()

        assert await post(client, f"/webhooks/{NAME}", body, signed(body)) == 200
        assert list(account.store.incidents) == [f"{NAME}:{first}"]
        assert delivered(account) == [("incident.triggered", "1 created", "")]


async def test_of_several_sources_the_name_selects_one() -> None:
    async with an_account() as account, client_of(account) as client:
        await account.sources.configure({"a": PagerDutySettings(), "b": PagerDutySettings()}, account.context)
        first = account.fake.trigger()
        body = json.dumps(account.fake.deliveries[0]).encode()

        assert await post(client, "/webhooks/b", body, KEY) == 200
        assert list(account.store.incidents) == [f"b:{first}"]


@pytest.mark.parametrize(("headers", "status"), [(KEY, 404), ({}, 403)])
async def test_a_stranger_does_not_learn_which_names_there_are(headers: dict[str, str], status: int) -> None:
    async with an_account() as account, client_of(account) as client:
        settings = PrometheusSettings.model_validate({"kind": "prometheus", "url": "http://localhost", "query": "up"})
        await account.sources.configure({"polled": settings}, account.context)

        for name in ("polled", "unknown", "\N{PILE OF POO}"):
            assert await post(client, f"/webhooks/{name}", b"{}", headers) == status


async def test_a_source_named_alertmanager_of_that_kind_is_at_both_its_addresses() -> None:
    async with an_account() as account, client_of(account) as client:
        await account.sources.configure({"alertmanager": AlertmanagerSettings()}, account.context)
        body = json.dumps({"status": "firing", "groupKey": "g", "alerts": []}).encode()

        assert await post(client, "/webhooks/alertmanager", body, KEY) == 200
        assert delivered(account) == [("firing", "no event", "")]


async def test_what_became_of_deliveries_is_kept_and_counted_without_their_bodies() -> None:
    async with an_account(webhook_secrets=[SECRET], priorities=["P1"]) as account, client_of(account) as client:
        account.fake.trigger()
        path = f"/webhooks/{NAME}"
        ping = json.dumps({"event": {"event_type": "pagey.ping", "occurred_at": "2025-06-15T14:00:00Z"}}).encode()
        late = json.dumps({"event": {"event_type": "x", "occurred_at": "whenever-s3cret"}}).encode()
        filtered = json.dumps(account.fake.deliveries[0]).encode()
        for body in (filtered, ping, late, b"s3cret"):
            await post(client, path, body, signed(body))
        await post(client, path, ping, {})
        await post(client, path, ping, signed(b"another body"))

        assert delivered(account) == [
            ("", "refused", "no valid signature or key"),
            ("", "refused", NOT_JSON),
            ("x", "1 quarantined", "occurred_at is not a valid time"),
            ("pagey.ping", "ignored", "a test delivery"),
            ("incident.triggered", "1 skipped", "left out by the settings"),
        ]
        assert next(iter(account.running.health.deliveries)).times == 2
        assert account.running.health.ignored == {Ignored.TEST: 1}


async def test_what_cannot_be_made_durable_is_503_and_kept() -> None:
    async with an_account() as account, client_of(account) as client:
        account.fake.trigger()
        account.log.is_full = True
        body = json.dumps(account.fake.deliveries[0]).encode()

        assert await post(client, f"/webhooks/{NAME}", body, KEY) == 503
        ((kind, outcome, _),) = delivered(account)
        assert (kind, outcome) == ("", "refused")


async def test_a_long_body_is_checked_off_the_loop(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(SECRET)
    async with an_account(webhook_secrets_file=file) as account, client_of(account) as client:
        body = b" " * 1_000_000

        assert await post(client, f"/webhooks/{NAME}", body, signed(body)) == 400
        assert await post(client, f"/webhooks/{NAME}", body[:-1], signed(body)) == 403


async def test_many_deliveries_at_once_give_one_incident() -> None:
    async with an_account() as account, client_of(account) as client:
        await account.sources.configure({}, account.context)
        account.fake.trigger()
        body = json.dumps(account.fake.deliveries[0]).encode()

        answers = await asyncio.gather(*(post(client, "/api/v2/webhook", body, KEY) for _ in range(20)))
        assert answers == [202] * 20
        assert len(account.store.incidents) == 1
        assert [each.name for each in account.sources] == ["pagerduty"]
        assert account.items["created"] == 1


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        (WebhookSettings(preset="incident_io"), 256 << 10),
        (PagerDutySettings(), 1 << 20),
        (FluxSettings(), 1 << 20),
        (ArgoCdSettings(), 4 << 20),
        (AlertmanagerSettings(), 16 << 20),
        (GitHubSettings(), 25 << 20),
        (GitLabSettings(), 25 << 20),
    ],
)
async def test_a_body_is_read_up_to_the_length_that_its_source_allows(settings: SourceSettings, most: int) -> None:
    async with an_account() as account, client_of(account) as client:
        await account.sources.configure({"a": settings}, account.context)
        refused = f"the request body is longer than {most} bytes"
        for length, is_too_long in ((most, False), (most + 1, True)):
            async with client.post("/webhooks/a", data=BytesIO(b" " * length), headers=KEY) as response:
                assert (refused in await response.text()) is is_too_long
