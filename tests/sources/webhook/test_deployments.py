"""Deployments as senders of any JSON tell them."""

from itertools import permutations
from typing import Any

import pytest
from tests.builders import fields
from tests.sources.webhook.webhook_daemon import DEPLOYMENTS, a_daemon

T = 1_749_990_000
DONE = {"id": "1", "service": "shop", "began": T, "ended": T + 60, "changed": T + 60, "state": "ok", "version": "v1"}
GOING = {"id": "1", "service": "shop", "began": T, "changed": T, "state": "going"}


@pytest.mark.parametrize(("state", "outcome"), [("ok", None), ("bad", "failed"), ("stopped", "canceled")])
async def test_a_deployment_ends_in_one_of_three_ways(state: str, outcome: str | None) -> None:
    async with a_daemon(deployments=DEPLOYMENTS) as daemon:
        for _ in range(3):
            assert await daemon.push({**DONE, "state": state}) == 200
        (event,) = daemon.deployments

        assert (event.id, event.service, event.environment, event.version) == ("tool:1", "shop", "none", "v1")
        assert (event.started_at, event.finished_at, event.outcome) == (T * 1000, (T + 60) * 1000, outcome)
        assert [each[1] for each in daemon.told] == ["1 unchanged", "1 unchanged", "1 created"]


@pytest.mark.parametrize("order", [*permutations([GOING, {**DONE, "began": None}])])
async def test_a_beginning_and_an_end_meet_in_any_order(order: list[dict[str, Any]]) -> None:
    async with a_daemon(deployments=DEPLOYMENTS) as daemon:
        for body in order:
            for _ in range(2):
                assert await daemon.push(body) == 200
            await daemon.start()
        assert [(each.started_at, each.finished_at) for each in daemon.deployments] == [(T * 1000, (T + 60) * 1000)]


@pytest.mark.parametrize(
    ("body", "ignored", "detail"),
    [
        (GOING, "no deployment or incident in a state that counts", "it goes on"),
        (
            {**DONE, "state": "queued"},
            "no deployment or incident in a state that counts",
            "outcome is missing: its value is not in values",
        ),
        (
            {**DONE, "deleted": True},
            "no deployment or incident in a state that counts",
            "delete is true, so it counts nowhere",
        ),
        ({**DONE, "service": "left out"}, "left out by the settings", ""),
    ],
)
async def test_what_is_no_event_is_told(body: object, ignored: str, detail: str) -> None:
    rule = {**DEPLOYMENTS, "only": "service != 'left out'", "delete": "deleted"}
    async with a_daemon(deployments=rule) as daemon:
        assert await daemon.push(body) == 200
        assert daemon.deployments == []
        assert daemon.told == [("deployments[0]", "ignored", ": ".join(filter(None, (ignored, detail))))]


async def test_a_deleted_deployment_stays_deleted() -> None:
    async with a_daemon(deployments={**DEPLOYMENTS, "delete": "deleted"}) as daemon:
        await daemon.push(DONE)
        await daemon.push({**DONE, "deleted": True})
        await daemon.push(DONE)
        assert daemon.deployments == []


async def test_an_older_state_never_replaces_a_newer_one() -> None:
    async with a_daemon(deployments=DEPLOYMENTS) as daemon:
        await daemon.push(DONE)
        await daemon.push({**DONE, "state": "bad", "changed": T + 30})
        assert [each.outcome for each in daemon.deployments] == [None]


async def test_without_a_time_of_the_state_the_last_to_come_counts() -> None:
    async with a_daemon(deployments=DEPLOYMENTS) as daemon:
        for state in ("bad", "ok", "ok"):
            await daemon.push({**DONE, "state": state, "changed": None})
            daemon.clock.advance(1000)
        assert [each.outcome for each in daemon.deployments] == [None]
        assert [each[1] for each in daemon.told] == ["1 unchanged", "1 updated", "1 created"]


async def test_several_services_are_a_deployment_each() -> None:
    rule = {**DEPLOYMENTS, "services": "services"}
    async with a_daemon(deployments=rule, services={"B": {"service": "b", "team": "core"}}) as daemon:
        await daemon.push({**DONE, "services": ["a", "B"]})
        assert {each.id: (each.service, each.team) for each in daemon.deployments} == {
            "tool:1:a": ("a", None),
            "tool:1:B": ("b", "core"),
        }


async def test_without_an_id_equal_facts_are_one_deployment() -> None:
    rule = {key: value for key, value in DEPLOYMENTS.items() if key != "id"}
    async with a_daemon(deployments=rule) as daemon:
        for ended in (T + 60, T + 60, T + 61):
            await daemon.push({**DONE, "ended": ended})
        assert len({each.id for each in daemon.deployments}) == 2


async def test_one_moment_is_beginning_and_end() -> None:
    rule = {"service": "service", "changed_at": "changed"}
    async with a_daemon(deployments=rule) as daemon:
        await daemon.push(DONE)
        assert [(each.started_at, each.finished_at) for each in daemon.deployments] == [((T + 60) * 1000,) * 2]


async def test_what_the_body_says_of_the_commit_is_kept() -> None:
    rule = {**DEPLOYMENTS, "commit_sha": "sha", "repository": "url", "environment": "env", "team": "team"}
    more = {"sha": "AB" * 20, "url": "git@git.example:acme/shop.git", "env": "production", "team": "core"}
    async with a_daemon(deployments=rule) as daemon:
        await daemon.push({**DONE, **more})
        (event,) = daemon.deployments
        assert (event.commit_sha, event.repository) == ("ab" * 20, "git.example/acme/shop")
        assert (event.environment, event.team) == ("production", "core")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"service": ""}, "service is missing: the body has nothing at service"),
        ({"ended": None, "began": None, "changed": None}, "finished_at is missing: the body has nothing at ended"),
        ({"changed": "never"}, "changed_at: its value is not a time"),
        ({"url": "https://"}, "repository: its value "),
    ],
)
async def test_a_field_that_is_missing_is_named_with_the_reason(change: dict[str, Any], reason: str) -> None:
    async with a_daemon(deployments={**DEPLOYMENTS, "repository": "url"}) as daemon:
        assert await daemon.push({**DONE, **change}) == 200
        ((_, outcome, told),) = daemon.told
        assert (outcome, told.startswith(reason)) == ("1 quarantined", True), told


async def test_an_end_before_the_beginning_is_clamped() -> None:
    async with a_daemon(deployments=DEPLOYMENTS) as daemon:
        await daemon.push({**DONE, "ended": T - 60})
        assert [(each.started_at, each.finished_at) for each in daemon.deployments] == [((T - 60) * 1000,) * 2]
        assert daemon.running.health.ends_clamped == 1


async def test_a_verdict_outlives_a_state_that_is_told_again() -> None:
    async with a_daemon(deployments=DEPLOYMENTS) as daemon:
        await daemon.push({**DONE, "changed": None})
        before = [fields(each) for each in daemon.deployments]
        daemon.clock.advance(1000)
        await daemon.push({**DONE, "changed": None})
        assert [fields(each) for each in daemon.deployments] == before
