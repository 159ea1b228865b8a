"""Bodies of any kind: what is read of them, and what becomes of those that fit nothing."""

import json
from time import process_time
from typing import Any

import pytest
from tests.sources.webhook.webhook_daemon import DEPLOYMENTS, INCIDENTS, a_daemon

T = 1_749_990_000
ALERT = {"id": "1", "began": T, "services": ["a"]}


async def test_each_item_of_a_list_is_an_event() -> None:
    rule = {**INCIDENTS, "each": "alerts", "name": "_body.title", "environment": '_headers."x-env"'}
    async with a_daemon(incidents=rule) as daemon:
        body = {"title": "All down", "alerts": [ALERT, {**ALERT, "id": "2"}, {"id": "3"}, 4, None]}
        assert await daemon.push(body, {"DD-API-KEY": "k", "X-Env": "eu"}) == 200

        assert [(each.id, each.name, each.environment) for each in daemon.incidents] == [
            ("tool:1", "All down", "eu"),
            ("tool:2", "All down", "eu"),
        ]
        assert daemon.told[0][1] == "2 created, 3 quarantined"


async def test_a_body_may_be_a_list() -> None:
    async with a_daemon(incidents={**INCIDENTS, "each": "_body"}) as daemon:
        assert await daemon.push([ALERT]) == 200
        assert len(daemon.incidents) == 1


async def test_a_list_that_is_too_long_is_cut_and_that_is_told() -> None:
    async with a_daemon(incidents={**INCIDENTS, "each": "_body"}) as daemon:
        assert await daemon.push([{**ALERT, "id": str(each)} for each in range(150)]) == 200
        assert len(daemon.incidents) == 100
        assert daemon.told[0][2] == "each: only 100 events of a body are taken, not 150"


async def test_one_sender_may_tell_of_deployments_and_incidents() -> None:
    rules = {
        "incidents": {**INCIDENTS, "match": "_headers.\"x-kind\" == 'incident'"},
        "deployments": {**DEPLOYMENTS, "match": "_query.kind == 'deployment'"},
    }
    async with a_daemon(**rules) as daemon:
        await daemon.push(ALERT, {"DD-API-KEY": "k", "X-Kind": "incident"})
        await daemon.push({"service": "a", "id": "1", "ended": T, "state": "ok"}, query="?kind=deployment")

        assert (len(daemon.incidents), len(daemon.deployments)) == (1, 1)
        assert [each[0] for each in daemon.told] == ["deployments[0]", "incidents[0]"]


async def test_secrets_of_the_head_are_not_to_be_asked_for() -> None:
    rule = {**INCIDENTS, "name": "to_string(_headers)", "severity": "to_string(_query)"}
    verify = {"scheme": "query_token", "parameter": "Key"}
    async with a_daemon(incidents=rule, verify=verify, webhook_secrets=("secret",)) as daemon:
        headers = {"DD-API-KEY": "secret", "Authorization": "Bearer secret", "Cookie": "secret"}
        assert await daemon.push(ALERT, headers, query="?Key=secret") == 200
        (incident,) = daemon.incidents
        assert incident.name is not None
        assert "secret" not in incident.name
        assert incident.severity == "{}"


@pytest.mark.parametrize(("unmatched", "status"), [(None, 200), (200, 200), (400, 400)])
async def test_a_body_that_matches_no_rule_is_counted_and_told(unmatched: int | None, status: int) -> None:
    async with a_daemon(incidents={**INCIDENTS, "match": "kind == 'incident'"}, unmatched=unmatched) as daemon:
        assert await daemon.push({"kind": "note"}) == status
        assert daemon.told == [("", "ignored", "an event that the source has no use for: no rule matches the body")]
        assert {each.value: count for each, count in daemon.running.health.ignored.items()} == {"unknown_event": 1}


async def test_a_delivery_that_only_tries_the_webhook_is_told_apart() -> None:
    async with a_daemon(test="ping", incidents=INCIDENTS) as daemon:
        assert await daemon.push({"ping": True}) == 200
        assert daemon.told == [("test", "ignored", "a test delivery")]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"nothing", b"[" * 100_000, b'{"a":' * 10_000, b"1" * 5000])
async def test_what_is_not_json_is_refused(body: bytes) -> None:
    async with a_daemon() as daemon:
        assert await daemon.push(body) == 400


@pytest.mark.parametrize("body", [b"null", b"1", b'"text"', b"[]", b"{}", b"\xef\xbb\xbf{}", b"1e999", b"1" * 400])
async def test_any_json_is_answered(body: bytes) -> None:
    async with a_daemon() as daemon:
        assert await daemon.push(body) in (200, 400)
        assert daemon.incidents == []


async def test_a_body_that_is_too_large_is_refused() -> None:
    async with a_daemon() as daemon:
        assert await daemon.push({"a": "x" * 300_000}) == 400


@pytest.mark.usefixtures("no_garbage_search")
@pytest.mark.parametrize(
    "body",
    [
        {"alerts": [{"tags": ["a:b"] * 300}] * 100},
        {"alerts": [[]] * 60_000},
        {"alerts": [{"a": {"b": [{"c": "d"}]}}] * 8_000},
        json.loads('{"alerts": ' + "[" * 900 + "]" * 900 + "}"),
    ],
)
async def test_a_large_body_costs_little_and_is_answered(body: dict[str, Any]) -> None:
    rule = {
        **INCIDENTS,
        "each": "alerts",
        "services": "tags[?starts_with(@, 'service:')] | sort(@)",
        "severity": {"path": "to_string(@)", "extract": "(.*)x"},
        "name": "alerts[*].a.b[*].c | join(', ', @)",
    }
    async with a_daemon(incidents=rule) as daemon:
        began = process_time()
        assert await daemon.push(body) == 200
        assert process_time() - began < 0.5
