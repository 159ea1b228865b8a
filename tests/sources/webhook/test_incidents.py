"""Lives of incidents as senders of any JSON tell them."""

from itertools import permutations
from typing import Any

import pytest
from tests.sources.webhook.webhook_daemon import INCIDENTS, a_daemon

T = 1_749_990_000
RULES = [
    {"match": "type == 'opened'", "id": "id", "started_at": "at", "changed_at": "at", "services": "services"},
    {"match": "type == 'closed'", "id": "id", "finished_at": "at", "changed_at": "at"},
    {"match": "type == 'gone'", "id": "id", "changed_at": "at", "delete": "`true`"},
]


def said(kind: str, at: int, **more: object) -> dict[str, Any]:
    return {"type": kind, "id": 7, "at": T + at, **more}


OPENED = said("opened", 0, services=["shop", "cart"])
CLOSED = said("closed", 60)


async def test_an_incident_begins_and_ends() -> None:
    async with a_daemon() as daemon:
        body = {"id": "1", "began": T, "changed": T, "services": ["b", "a"], "severity": "high"}
        assert await daemon.push(body) == 200
        (opened,) = daemon.incidents
        assert await daemon.push({**body, "changed": T + 60, "ended": T + 50}) == 200
        (closed,) = daemon.incidents

        assert (opened.id, opened.source, opened.started_at, opened.finished_at) == ("tool:1", "tool", T * 1000, None)
        assert (opened.services, opened.severity, opened.environment) == (("a", "b"), "high", "none")
        assert closed.finished_at == (T + 50) * 1000
        assert daemon.told == [("incidents[0]", "1 updated", ""), ("incidents[0]", "1 created", "")]


@pytest.mark.parametrize("order", [*permutations([OPENED, CLOSED])])
async def test_a_closing_without_a_beginning_meets_its_opening_in_any_order(order: list[dict[str, Any]]) -> None:
    async with a_daemon(incidents=RULES) as daemon:
        for body in order:
            for _ in range(2):
                assert await daemon.push(body) == 200
            await daemon.start()
        (incident,) = daemon.incidents

        assert (incident.started_at, incident.finished_at) == (T * 1000, (T + 60) * 1000)
        assert incident.services == ("cart", "shop")
        assert incident.upstream is None


async def test_a_closing_alone_counts_nowhere_and_is_told() -> None:
    async with a_daemon(incidents=RULES) as daemon:
        assert await daemon.push(CLOSED) == 200

        assert daemon.counting == []
        assert daemon.told == [
            ("incidents[1]", "ignored", "an end without a beginning: started_at is missing: no rule says where it is")
        ]
        assert {each.value: count for each, count in daemon.running.health.ignored.items()} == {"unpaired": 1}


async def test_a_closing_with_both_times_needs_no_opening() -> None:
    async with a_daemon() as daemon:
        await daemon.push({"id": "1", "began": T, "ended": T + 60, "services": ["a"]})
        assert [(each.started_at, each.finished_at) for each in daemon.counting] == [(T * 1000, (T + 60) * 1000)]


async def test_a_service_with_the_reserved_name_is_renamed() -> None:
    async with a_daemon() as daemon:
        assert await daemon.push({"id": "1", "began": T, "services": ["_other", "a"]}) == 200
        assert [each.services for each in daemon.incidents] == [("_other_", "a")]


async def test_an_incident_that_is_reopened_is_open() -> None:
    async with a_daemon() as daemon:
        for at, ended in ((0, None), (60, T + 60), (120, None)):
            await daemon.push({"id": "1", "began": T, "changed": T + at, "ended": ended, "services": ["a"]})
        assert [each.finished_at for each in daemon.incidents] == [None]


async def test_an_older_state_never_replaces_a_newer_one() -> None:
    async with a_daemon() as daemon:
        await daemon.push({"id": "1", "began": T, "changed": T + 60, "ended": T + 60, "services": ["a"]})
        await daemon.push({"id": "1", "began": T, "changed": T, "services": ["a"]})

        assert [each.finished_at for each in daemon.incidents] == [(T + 60) * 1000]
        assert daemon.told[0] == ("incidents[0]", "ignored", "a newer state is held")


@pytest.mark.parametrize("order", [*permutations([0, 60, 120])])
async def test_of_several_beginnings_the_earliest_counts_if_a_rule_says_so(order: list[int]) -> None:
    async with a_daemon(incidents={**INCIDENTS, "earliest_start": True}) as daemon:
        for at in order:
            closing = {"ended": T + at} if at == 120 else {"began": T + at}
            await daemon.push({"id": "1", "changed": T + at, "services": ["a"], **closing})
        assert [(each.started_at, each.finished_at) for each in daemon.counting] == [(T * 1000, (T + 120) * 1000)]


@pytest.mark.parametrize("order", [*permutations([{}, {"ended": T + 1}, {"deleted": True}])])
async def test_of_the_same_moment_a_closing_is_later_and_a_deletion_latest(order: list[dict[str, Any]]) -> None:
    async with a_daemon() as daemon:
        for each in order:
            await daemon.push({"id": "1", "began": T, "changed": T, "services": ["a"], **each})
        assert daemon.counting == []
        assert len(daemon.incidents) == 1


@pytest.mark.parametrize("order", [*permutations([OPENED, CLOSED, said("gone", 90)])])
async def test_what_is_deleted_counts_nowhere_in_any_order(order: list[dict[str, Any]]) -> None:
    async with a_daemon(incidents=RULES) as daemon:
        for body in order:
            await daemon.push(body)
        assert daemon.counting == []


async def test_what_is_heard_late_of_something_deleted_is_known_when_it_comes_back() -> None:
    async with a_daemon(incidents=RULES) as daemon:
        for body in (CLOSED, said("gone", 90), OPENED, said("closed", 120)):
            await daemon.push(body)
        assert [(each.services, each.started_at) for each in daemon.counting] == [(("cart", "shop"), T * 1000)]


async def test_what_was_deleted_may_come_back() -> None:
    async with a_daemon(incidents=RULES) as daemon:
        for body in (OPENED, said("gone", 90), said("opened", 120)):
            await daemon.push(body)
        assert [(each.services, each.finished_at) for each in daemon.incidents] == [(("cart", "shop"), None)]


async def test_a_deletion_of_what_was_never_heard_of_is_told() -> None:
    async with a_daemon(incidents=RULES) as daemon:
        await daemon.push(said("gone", 90))
        assert daemon.told[0][1:] == (
            "ignored",
            "no deployment or incident in a state that counts: delete is true, so it counts nowhere",
        )


async def test_a_filter_leaves_out_what_it_is_not_true_for_now() -> None:
    async with a_daemon(incidents={**INCIDENTS, "only": "severity == 'high'"}) as daemon:
        body = {"id": "1", "began": T, "services": ["a"]}
        await daemon.push({**body, "changed": T, "severity": "low"})
        assert daemon.incidents == []
        assert daemon.told[0][1:] == ("ignored", "left out by the settings")
        await daemon.push({**body, "changed": T + 1, "severity": "high"})
        assert [each.services for each in daemon.incidents] == [("a",)]
        await daemon.push({**body, "changed": T + 2, "severity": "low"})
        assert daemon.counting == []
        await daemon.push({**body, "changed": T + 3, "severity": "high"})
        assert [each.services for each in daemon.incidents] == [("a",)]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"began": T, "services": ["a"]}, "id is missing: the body has nothing at id"),
        ({"id": "1", "services": ["a"]}, "started_at is missing: the body has nothing at began"),
        ({"id": "1", "began": 0, "services": ["a"]}, "started_at is missing: its value is a time before the year 2000"),
        ({"id": "1", "began": T}, "services is missing: the body has nothing at services"),
        ({"id": "1", "began": T, "services": [[]]}, "services is missing: none of its items is a known text"),
        ({"id": {"a": 1}, "began": T, "services": ["a"]}, "id is missing: its value is an object, not text"),
        ({"id": "1", "began": "soon", "services": ["a"]}, "started_at: its value is not a time"),
        ({"id": "1", "began": T, "ended": 4e9, "services": ["a"]}, "finished_at: its value is more than a day ahead"),
    ],
)
async def test_a_field_that_is_missing_is_named_with_the_reason(body: object, reason: str) -> None:
    async with a_daemon() as daemon:
        assert await daemon.push(body) == 200
        assert daemon.told == [("incidents[0]", "1 quarantined", reason)]


async def test_an_end_before_the_beginning_is_clamped() -> None:
    async with a_daemon() as daemon:
        await daemon.push({"id": "1", "began": T, "ended": T - 60, "services": ["a"]})
        assert [(each.started_at, each.finished_at) for each in daemon.incidents] == [(T * 1000, T * 1000)]
        assert daemon.running.health.ends_clamped == 1


async def test_a_closing_may_be_told_without_its_time() -> None:
    rule = {**INCIDENTS, "closed": "state == 'done'"}
    async with a_daemon(incidents=rule) as daemon:
        await daemon.push({"id": "1", "began": T, "changed": T, "services": ["a"]})
        await daemon.push({"id": "1", "changed": T + 9, "state": "done"})
        assert [each.finished_at for each in daemon.incidents] == [(T + 9) * 1000]


async def test_without_a_time_of_the_state_the_order_of_arrival_counts() -> None:
    async with a_daemon() as daemon:
        for ended in (None, T + 60, None, T + 90):
            await daemon.push({"id": "1", "began": T, "ended": ended, "services": ["a"]})
            daemon.clock.advance(1000)
        assert [each.finished_at for each in daemon.incidents] == [(T + 90) * 1000]


async def test_a_closing_without_any_time_that_is_told_again_changes_nothing() -> None:
    rule = {"id": "id", "closed": "done", "started_at": "began", "service": "service"}
    async with a_daemon(incidents=rule) as daemon:
        await daemon.push({"id": "1", "began": T, "service": "a"})
        for _ in range(2):
            daemon.clock.advance(1000)
            await daemon.push({"id": "1", "done": True})
        assert [each.finished_at for each in daemon.incidents] == [daemon.clock() - 1000]
        assert [each[1] for each in daemon.told] == ["1 unchanged", "1 updated", "1 created"]


async def test_services_are_called_as_the_settings_say() -> None:
    names = {"Shop (EU)": {"service": "shop", "environment": "eu", "team": "core"}, "Cart": "cart"}
    async with a_daemon(services=names) as daemon:
        await daemon.push({"id": "1", "began": T, "services": ["Cart", "Shop (EU)", "other"]})
        (incident,) = daemon.incidents
        assert (incident.services, incident.environment, incident.team) == (("cart", "other", "shop"), "eu", "core")


async def test_what_no_field_says_the_settings_say() -> None:
    async with a_daemon(service="everything", environment="production", team="ops") as daemon:
        await daemon.push({"id": "1", "began": T})
        (incident,) = daemon.incidents
        assert (incident.services, incident.environment, incident.team) == (("everything",), "production", "ops")


async def test_an_incident_of_a_team_alone_needs_no_service() -> None:
    async with a_daemon(incidents={**INCIDENTS, "team": "team"}) as daemon:
        await daemon.push({"id": "1", "began": T, "team": "ops"})
        assert [(each.services, each.team) for each in daemon.incidents] == [((), "ops")]


async def test_a_closing_that_says_less_loses_nothing() -> None:
    rule = {**INCIDENTS, "name": "name", "environment": "env", "version": "v", "commit_sha": "sha", "repository": "r"}
    whole = {"services": ["a"], "severity": "high", "name": "Down", "env": "eu", "v": "1", "sha": "AB" * 20}
    async with a_daemon(incidents=rule) as daemon:
        await daemon.push({"id": "1", "began": T, "changed": T, **whole, "r": "https://u:p@git.example/shop.git"})
        await daemon.push({"id": "1", "changed": T + 1, "ended": T + 1})
        (it,) = daemon.incidents
        assert (it.services, it.severity, it.name, it.environment) == (("a",), "high", "Down", "eu")
        assert (it.version, it.commit_sha, it.repository) == ("1", "ab" * 20, "git.example/shop")


@pytest.mark.parametrize("upstream_id", ["x" * 300, "a\nb", "\ud800", "a:b:c"])
async def test_any_id_is_one(upstream_id: str) -> None:
    async with a_daemon() as daemon:
        for changed, ended in ((T, None), (T + 1, T + 1)):
            body = {"id": upstream_id, "began": T, "changed": changed, "ended": ended, "services": ["a"]}
            assert await daemon.push(body) == (400 if upstream_id == "\ud800" else 200)
        assert [each.finished_at for each in daemon.incidents] == ([] if upstream_id == "\ud800" else [(T + 1) * 1000])
