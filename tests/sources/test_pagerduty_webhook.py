"""PagerDuty's webhooks: who may send them, what they change, and how they meet the poll."""

import gzip
import json
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from tests.builders import HOUR_MS
from tests.sources.account import NAME, Account, an_account, signature

from dora_exporter.app.telemetry import RejectionCounts
from dora_exporter.dora.events import MINUTE_MS
from dora_exporter.sources.contract import Unreadable
from dora_exporter.sources.pagerduty.settings import PagerDutySettings
from dora_exporter.web.application import application
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.server import request_body
from dora_exporter.web.server.rejections import Rejection, counting
from dora_exporter.web.webhooks import endpoint

KEY = "key-of-a-sender"
OLD, NEW = "secret-of-yesterday", "secret-of-today"


class Receiver:
    """The daemon's endpoint."""

    def __init__(self, client: TestClient[Any, Any], rejections: RejectionCounts) -> None:
        self.client = client
        self._rejections = rejections

    @property
    def counts(self) -> dict[Rejection, int]:
        """How many requests were refused, by reason."""
        (family,) = self._rejections.collect()
        return {Rejection(sample.labels["reason"]): int(sample.value) for sample in family.samples}

    async def post(self, body: bytes, path: str = "/api/v2/webhook", **headers: str) -> int:
        async with self.client.post(path, data=body, headers=headers) as response:
            return response.status


@asynccontextmanager
async def receiving(account: Account) -> AsyncIterator[Receiver]:
    """The endpoint with one valid key."""
    access = Access(api_keys=[KEY])
    routes = endpoint.routes(
        sources=account.sources,
        context=lambda: account.context,
        may_write=access.holds_key,
        clock=account.clock,
    )
    rejections = RejectionCounts()
    served = application(routes=routes, operations=(), access=access, on_refusal=counting(rejections.count))
    server = TestServer(served)
    await server.start_server(auto_decompress=False)
    async with TestClient(server) as client:
        yield Receiver(client, rejections)


def body_of(delivery: Mapping[str, Any]) -> bytes:
    return json.dumps(delivery).encode()


@pytest.mark.parametrize("path", ["/api/v2/webhook", "/api/v2/webhook/"])
async def test_a_key_is_enough_where_there_are_no_secrets(path: str) -> None:
    async with an_account() as account, receiving(account) as receiver:
        first = account.fake.trigger()
        headers = {"DD-API-KEY": KEY, "dd_env": "staging"}
        assert await receiver.post(body_of(account.fake.deliveries[0]), path, **headers) == 202
        assert account.incident(first).environment == "staging"
        assert account.items == {"created": 1}


@pytest.mark.parametrize(
    ("header", "environment"),
    [("pr\x07od", "pr\ufffdod"), ("x" * 300, "x" * 200), ("_other", "_other_"), ("   ", "none")],
)
async def test_an_environment_in_the_header_has_its_bounds(header: str, environment: str) -> None:
    async with an_account() as account:
        first = account.fake.trigger()
        await account.push(account.fake.deliveries[0], dd_env=header)
        assert account.incident(first).environment == environment


async def test_an_environment_that_is_not_utf_8_is_refused() -> None:
    async with an_account() as account:
        account.fake.trigger()
        with pytest.raises(Unreadable, match="the header dd_env must be UTF-8"):
            await account.push(account.fake.deliveries[0], dd_env="pr\udcffod")
        assert account.store.incidents == {}


async def test_what_is_said_of_a_service_has_its_bounds_where_it_is_remembered() -> None:
    async with an_account(token=None) as account:
        account.fake.trigger("P" * 5000)
        account.fake.rename("P" * 5000, "n" * 5000)
        await _deliver(account)
        (incident,) = account.store.incidents.values()
        assert incident.services == ("n" * 200,)
        assert max(map(len, account.lines)) < 5000


@pytest.mark.parametrize("headers", [{}, {"DD-API-KEY": "wrong"}, {"X-PagerDuty-Signature": "v1=00"}])
async def test_no_valid_key_is_403(headers: dict[str, str]) -> None:
    async with an_account() as account, receiving(account) as receiver:
        account.fake.trigger()
        assert await receiver.post(body_of(account.fake.deliveries[0]), **headers) == 403
        assert account.store.incidents == {}


@pytest.mark.parametrize(
    ("signed", "status"),
    [
        (lambda body: signature(body, OLD), 202),
        (lambda body: f"{signature(body, 'unknown')}, {signature(body, NEW)}", 202),
        (lambda body: f"v2=abc,{signature(body, NEW)} ", 202),
        (lambda body: signature(body, "unknown"), 403),
        (lambda body: signature(body + b" ", NEW), 403),
        (lambda body: signature(body, NEW).replace("v1=", "v0="), 403),
        (lambda body: signature(body, NEW).removeprefix("v1="), 403),
        (lambda _: "", 403),
        (lambda _: "v1=\u00e4", 403),
    ],
)
async def test_one_signature_with_one_secret_is_required_and_enough(
    signed: Callable[[bytes], str], status: int
) -> None:
    async with an_account(webhook_secrets=[OLD, NEW]) as account, receiving(account) as receiver:
        account.fake.trigger()
        body = json.dumps(account.fake.deliveries[0], indent=1).encode()
        assert await receiver.post(body, **{"X-PagerDuty-Signature": signed(body)}) == status
        assert len(account.store.incidents) == (status == 202)


async def test_a_byte_order_mark_is_signed_and_skipped() -> None:
    async with an_account(webhook_secrets=[NEW]) as account, receiving(account) as receiver:
        account.fake.trigger()
        body = b"\xef\xbb\xbf" + body_of(account.fake.deliveries[0])
        assert await receiver.post(body, **{"X-PagerDuty-Signature": signature(body, NEW)}) == 202
        assert len(account.store.incidents) == 1


async def test_what_is_signed_is_what_is_sent_also_where_that_is_compressed() -> None:
    async with an_account(webhook_secrets=[NEW]) as account, receiving(account) as receiver:
        account.fake.trigger()
        body = gzip.compress(body_of(account.fake.deliveries[0]))
        headers = {"X-PagerDuty-Signature": signature(body, NEW), "Content-Encoding": "gzip"}
        assert await receiver.post(body, **headers) == 202
        assert len(account.store.incidents) == 1
        headers["X-PagerDuty-Signature"] = signature(body[:-1], NEW)
        assert await receiver.post(body[:-1], **headers) == 400


async def test_nothing_that_a_stranger_sends_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "Inflation", pytest.fail)
    async with an_account(webhook_secrets=[NEW]) as account, receiving(account) as receiver:
        body = gzip.compress(b"{}")
        headers = {"X-PagerDuty-Signature": signature(body, "unknown"), "Content-Encoding": "gzip"}
        assert await receiver.post(body, **headers) == 403


@pytest.mark.parametrize("content", ["", "\n", " \n\n"])
async def test_a_signature_with_nothing_is_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secrets"
    async with an_account(webhook_secrets_file=file) as account, receiving(account) as receiver:
        account.fake.trigger()
        body = body_of(account.fake.deliveries[0])
        file.write_text(content)
        assert await receiver.post(body, **{"X-PagerDuty-Signature": signature(body, "")}) == 503
        file.write_text(f"{NEW}\n{content}")
        assert await receiver.post(body, **{"X-PagerDuty-Signature": signature(body, "")}) == 403
        assert account.store.incidents == {}


async def test_a_key_does_not_stand_for_a_signature() -> None:
    async with an_account(webhook_secrets=[NEW]) as account, receiving(account) as receiver:
        account.fake.trigger()
        assert await receiver.post(body_of(account.fake.deliveries[0]), **{"DD-API-KEY": KEY}) == 403


async def test_secrets_in_a_file_are_read_anew_and_a_missing_file_is_503(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    async with an_account(webhook_secrets_file=file) as account, receiving(account) as receiver:
        account.fake.trigger()
        body = body_of(account.fake.deliveries[0])
        headers = {"X-PagerDuty-Signature": signature(body, NEW)}
        assert await receiver.post(body, **headers) == 503
        file.write_text(f"{OLD}\n\n{NEW}\n")
        assert await receiver.post(body, **headers) == 202


async def test_the_signature_names_the_source() -> None:
    async with an_account() as account:
        secrets = {"eu": OLD, "us": NEW}
        configured = {name: PagerDutySettings(webhook_secrets=(secret,)) for name, secret in secrets.items()}
        await account.sources.configure(configured, account.context)
        async with receiving(account) as receiver:
            first = account.fake.trigger()
            body = body_of(account.fake.deliveries[0])
            assert await receiver.post(body, **{"X-PagerDuty-Signature": signature(body, OLD)}) == 202
            assert list(account.store.incidents) == [f"eu:{first}"]


async def test_a_key_names_none_of_several_sources(caplog: pytest.LogCaptureFixture) -> None:
    async with an_account() as account:
        await account.sources.configure({"a": PagerDutySettings(), "b": PagerDutySettings()}, account.context)
        async with receiving(account) as receiver:
            account.fake.trigger()
            assert await receiver.post(body_of(account.fake.deliveries[0]), **{"DD-API-KEY": KEY}) == 202
            assert account.store.incidents == {}
    assert [each for each in caplog.messages if "which source" in each] == [
        "webhook request does not say which source it is for path='/api/v2/webhook'"
    ]


async def test_without_a_configured_source_the_ids_begin_with_pagerduty() -> None:
    async with an_account() as account:
        await account.sources.configure({}, account.context)
        async with receiving(account) as receiver:
            first = account.fake.trigger()
            assert await receiver.post(body_of(account.fake.deliveries[0]), **{"DD-API-KEY": KEY}) == 202
            incident = account.store.incidents[f"pagerduty:{first}"]
            assert (incident.source, incident.services, incident.environment) == ("pagerduty", ("pcheck",), "none")
            assert account.running.source.interval_ms is None


async def test_what_cannot_be_made_durable_is_503() -> None:
    async with an_account() as account, receiving(account) as receiver:
        first = account.fake.trigger()
        body = body_of(account.fake.deliveries[0])
        account.log.is_full = True
        assert await receiver.post(body, **{"DD-API-KEY": KEY}) == 503
        assert account.running.in_flight == {}
        account.log.is_full = False
        assert await receiver.post(body, **{"DD-API-KEY": KEY}) == 202
        assert account.incident(first).finished_at is None


def event(**fields: object) -> bytes:
    """An event as PagerDuty sends it, but for what the test changes."""
    said = {"id": "01", "event_type": "incident.triggered", "occurred_at": "2025-06-15T14:00:00Z", "data": {}, **fields}
    return json.dumps({"event": {name: value for name, value in said.items() if value is not ...}}).encode()


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (event(occurred_at="yesterday"), "quarantined"),
        (event(data={"type": "incident"}), "quarantined"),
        (event(data=[]), "quarantined"),
        (event(event_type="incident.praised", data={"type": "incident_praise"}), "ignored: unknown_event"),
        (event(event_type="pagey.ping", data=...), "ignored: test"),
        (event(event_type="service.updated", data={"type": "service", "id": "P1"}), "ignored: no_event"),
        (BOM_UTF8 + event(event_type="pagey.ping"), "ignored: test"),
        (event(event_type="star.born", resource_type="star", agent=None), "ignored: unknown_event"),
    ],
)
async def test_what_pagerduty_sends_and_says_nothing_is_202_and_counted(body: bytes, outcome: str) -> None:
    async with an_account() as account, receiving(account) as receiver:
        assert await receiver.post(body, **{"DD-API-KEY": KEY}) == 202
        assert account.items == {outcome: 1}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"[]", "Expected `object`"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "recursion"),
        (b'{"messages": [{"event": "incident.trigger"}]}', "missing required field `event`"),
        (b'{"event": null}', "Expected `object`"),
        (event(event_type=...), "missing required field `event_type`"),
        (event(event_type=None), "`$.event.event_type`"),
        (event(occurred_at=...), "missing required field `occurred_at`"),
        (event(occurred_at=7), "`$.event.occurred_at`"),
    ],
)
async def test_what_is_not_pagerdutys_is_400_with_the_reason_and_counted(body: bytes, reason: str) -> None:
    async with an_account() as account:
        await account.sources.configure({}, account.context)
        async with receiving(account) as receiver:
            path = "/api/v2/webhook"
            async with receiver.client.post(path, data=body, headers={"DD-API-KEY": KEY}) as response:
                assert response.status == 400
                (problem,) = (await response.json())["errors"]
            assert "PagerDuty" in problem["detail"]
            assert reason in problem["detail"]
            assert await receiver.post(body) == 403
            assert receiver.counts[Rejection.MALFORMED] == 1
        assert list(account.sources) == []


async def test_webhooks_alone_follow_a_life() -> None:
    async with an_account(token=None, services={"PPAY": "payments"}) as account:
        assert account.running.source.interval_ms is None
        fake = account.fake
        first, big = fake.trigger("PCHECK"), fake.trigger("PCHECK")
        account.clock.advance(MINUTE_MS)
        fake.resolve(first)
        end = account.clock()
        account.clock.advance(MINUTE_MS)
        fake.prioritise(first, "P1")
        await _deliver(account)
        assert (account.incident(first).finished_at, account.incident(first).severity) == (end, "P1")
        fake.reopen(first)
        await _deliver(account)
        assert account.incident(first).finished_at is None
        fake.move(first, "PPAY")
        fake.merge(first, big)
        await _deliver(account)
        assert account.incident(first).services == ("payments",)
        assert account.incident(first).merged_into == f"{NAME}:{big}"
        fake.rename("PCHECK", "shop")
        await _deliver(account)
        assert account.incident(big).services == ("shop",)


async def _deliver(account: Account) -> None:
    """Everything that PagerDuty has not delivered yet."""
    for delivery in account.fake.deliveries:
        await account.push(delivery)
    account.fake.deliveries.clear()


async def test_a_delivery_that_comes_again_or_late_changes_nothing() -> None:
    async with an_account(token=None) as account:
        first = account.fake.trigger()
        account.clock.advance(300)
        account.fake.acknowledge(first)
        account.clock.advance(300)
        account.fake.resolve(first)
        triggered, acknowledged, resolved = account.fake.deliveries
        for delivery in (triggered, resolved, acknowledged, triggered, resolved):
            await account.push(delivery)
        assert account.incident(first).finished_at == account.clock()
        assert len(account.lines) == 3  # the incident twice, and the note about its service


@pytest.mark.parametrize("order", ["push poll", "poll push"])
async def test_webhook_and_poll_meet_in_one_incident(order: str) -> None:
    async with an_account() as account:
        first = account.fake.trigger()
        for each in order.split():
            if each == "push":
                await account.push(account.fake.deliveries[0], dd_env="staging")
            else:
                await account.poll()
        assert list(account.store.incidents) == [f"{NAME}:{first}"]
        assert account.incident(first).environment == "staging"
        await account.start()
        account.fake.resolve(first)
        await account.poll()
        assert account.incident(first).environment == "staging"


async def test_a_late_webhook_still_tells_the_environment() -> None:
    async with an_account() as account:
        first = account.fake.trigger()
        account.clock.advance(MINUTE_MS)
        account.fake.resolve(first)
        await account.poll()
        polled = account.incident(first)
        await account.push(account.fake.deliveries[0], dd_env="staging")
        assert account.incident(first).environment == "staging"
        assert account.incident(first).finished_at == polled.finished_at


async def test_a_page_that_was_under_way_does_not_undo_a_webhook() -> None:
    async with an_account() as account:
        first = account.fake.trigger()
        account.fake.acknowledge(first)
        await account.poll()
        account.clock.advance(MINUTE_MS)
        before = [account.fake.shown(account.fake.rows[first], is_whole=False)]
        account.fake.webhook_lag_ms = 2500
        account.fake.resolve(first)

        async def slowly(_: web.Request) -> web.Response:
            await account.push(account.fake.deliveries[-1])
            return web.json_response({"incidents": before})

        account.fake.slow_page = slowly
        await account.poll()
        assert account.incident(first).finished_at == account.clock() - MINUTE_MS + 2500


async def test_the_poll_after_a_webhook_has_the_last_word_though_its_clock_is_behind() -> None:
    async with an_account(relist="30d") as account:
        first = account.fake.trigger()
        account.fake.resolve(first)
        await account.poll_twice(5 * HOUR_MS)
        account.fake.webhook_lag_ms = 2500
        account.fake.reopen(first)
        account.fake.resolve(first)
        for delivery in account.fake.deliveries[-2:]:
            await account.push(delivery)
        assert account.incident(first).finished_at == account.clock() + 2500
        await account.poll(after_ms=0)
        assert account.incident(first).finished_at == account.clock()
        account.clock.advance(1000)
        account.fake.reopen(first)
        await account.poll(after_ms=0)
        assert account.incident(first).finished_at is None


async def test_a_webhook_about_no_team_is_left_out_where_teams_are_named() -> None:
    async with an_account(team_ids=["PT1"]) as account:
        account.fake.trigger("PCHECK", teams=[{"id": "PT1"}])
        account.fake.trigger("PCHECK", teams=[])
        for delivery in account.fake.deliveries:
            await account.push(delivery)
        assert account.items == {"created": 1, "skipped": 1}


async def test_a_late_webhook_does_not_bring_an_old_name_back() -> None:
    async with an_account() as account:
        first = account.fake.trigger("PCHECK")
        account.clock.advance(MINUTE_MS)
        account.fake.rename("PCHECK", "shop")
        await account.poll()
        await account.push(account.fake.deliveries[0])
        assert account.incident(first).services == ("shop",)


async def test_custom_fields_in_a_webhook_move_the_incident() -> None:
    async with an_account(token=None, environment_field="environment") as account:
        first = account.fake.trigger()
        account.fake.set_field(first, "environment", "production")
        await _deliver(account)
        assert account.incident(first).environment == "production"


async def test_a_webhook_of_what_the_filters_leave_out_is_skipped_until_it_is_in() -> None:
    async with an_account(token=None, priorities=["P1"]) as account:
        first = account.fake.trigger()
        await _deliver(account)
        assert account.items == {"skipped": 1}
        account.fake.prioritise(first, "P1")
        await _deliver(account)
        assert account.incident(first).services == ("pcheck",)
