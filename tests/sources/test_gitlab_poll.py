"""Polls of GitLab, against one that remembers what it is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError
from tests.builders import DAY_MS, MINUTE_MS
from tests.sources.fake_gitlab import FakeGitLab
from tests.sources.gitlab_daemon import GitLabDaemon, a_daemon
from tests.sources.gitlab_lives import live

from dora_exporter.runtime.timestamps import iso
from dora_exporter.sources.gitlab.settings import GitLabSettings

HISTORIES = 40


@asynccontextmanager
async def a_pair(**settings: object) -> AsyncIterator[tuple[GitLabDaemon, FakeGitLab]]:
    """A daemon and the GitLab that it polls."""
    async with a_daemon() as daemon:
        forge = FakeGitLab(daemon.clock)
        async with TestServer(forge.application()) as server:
            address = str(server.make_url("")).rstrip("/")
            await daemon.start(**{"base_url": address, "token": "token", "groups": ["acme"], **settings})
            yield daemon, forge


async def test_the_past_is_read_at_the_first_pass() -> None:
    async with a_pair() as (daemon, forge):
        shop = forge.add_project("acme/shop")
        for status in ("success", "failed", "canceled"):
            id_ = forge.deploy(shop)
            daemon.clock.advance(MINUTE_MS)
            forge.end(id_, status)
        forge.deploy(shop)
        daemon.clock.advance(30 * DAY_MS)
        health = await daemon.poll()

        assert health.problem is None
        assert {each.id: each.outcome for each in daemon.deployments} == {
            "gl:1": None,
            "gl:2": "failed",
            "gl:3": "canceled",
        }
        first = daemon.store.deployments["gl:1"]
        assert (first.service, first.environment, first.commit_sha) == ("shop", "production", f"{1:040x}")
        assert first.repository == "gitlab.example/acme/shop"
        assert first.finished_at - first.started_at == MINUTE_MS
        assert (first.upstream or {})["tier"] == "production"


async def test_the_past_of_many_projects_costs_few_requests() -> None:
    async with a_pair() as (daemon, forge):
        for number in range(50):
            project = forge.add_project(f"acme/p{number}")
            for _ in range(100):
                forge.end(forge.deploy(project), "success")
        await daemon.poll()
        assert len(daemon.deployments) == 5000
        assert len(forge.seen) <= 500, "of 5,000 for ten times as many"
        assert daemon.log.largest_append <= 100


async def test_a_project_of_a_group_that_is_renamed_loses_and_doubles_nothing() -> None:
    async with a_pair() as (daemon, forge):
        shop = forge.add_project("acme/shop")
        forge.end(forge.deploy(shop), "success")
        forge.open(shop)
        await daemon.poll()
        daemon.clock.advance(MINUTE_MS)
        forge.rename(shop, "acme/team/store")
        forge.end(forge.deploy(shop), "success")
        await daemon.poll()
        assert {each.id for each in daemon.deployments} == {"gl:1", "gl:2"}
        assert daemon.store.deployments["gl:2"].repository == "gitlab.example/acme/team/store"
        assert len(daemon.incidents) == 1


async def test_only_what_is_new_is_read_later() -> None:
    async with a_pair() as (daemon, forge):
        shop = forge.add_project("acme/shop")
        forge.end(forge.deploy(shop), "success")
        await daemon.poll()
        daemon.clock.advance(DAY_MS)
        await daemon.poll()
        asked = len(forge.seen)
        daemon.clock.advance(DAY_MS)
        forge.end(forge.deploy(shop), "success")
        await daemon.poll()

        assert [each.id for each in daemon.deployments] == ["gl:1", "gl:2"]
        assert len(forge.seen) - asked == 3, "one list of projects, one of deployments, one of incidents"


async def test_five_hundred_unchanged_projects_cost_sixty_requests_and_answers_of_304() -> None:
    async with a_pair() as (daemon, forge):
        for number in range(500):
            project = forge.add_project(f"acme/p{number}")
            if number % 2:
                forge.end(forge.deploy(project), "success")
            if number < 30:
                forge.open(project)
        for _ in range(3):
            daemon.clock.advance(5 * MINUTE_MS)
            asked, unchanged = len(forge.seen), forge.unchanged
            await daemon.poll()
        assert (daemon.running.health.problem, len(daemon.deployments)) == (None, 250)
        assert forge.unchanged - unchanged == 501
        assert len(forge.seen) - asked - 501 <= 60


async def test_named_projects_that_are_unchanged_cost_answers_of_304() -> None:
    async with a_pair(groups=[], projects=[f"acme/p{number}" for number in range(100)]) as (daemon, forge):
        for number in range(100):
            forge.end(forge.deploy(forge.add_project(f"acme/p{number}")), "success")
        for _ in range(3):
            daemon.clock.advance(5 * MINUTE_MS)
            asked, unchanged = len(forge.seen), forge.unchanged
            await daemon.poll()
        assert (len(daemon.deployments), len(forge.seen) - asked) == (100, 300)
        assert forge.unchanged - unchanged == 300


async def test_what_failed_to_be_stored_is_read_again_although_gitlab_says_that_nothing_changed() -> None:
    async with a_pair() as (daemon, forge):
        shop = forge.add_project("acme/shop")
        await daemon.poll()
        daemon.clock.advance(MINUTE_MS)
        forge.end(forge.deploy(shop), "success")
        daemon.log.fails_next = 1
        await daemon.poll()
        assert daemon.deployments == []
        await daemon.poll()
        assert len(daemon.deployments) == 1


async def test_a_back_fill_is_told_and_goes_on_after_a_failure_and_a_restart(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="dora_exporter")
    async with a_pair() as (daemon, forge):
        for number in range(60):
            forge.end(forge.deploy(forge.add_project(f"acme/p{number}")), "success")
        forge.limit = 80
        await daemon.poll()
        assert len(daemon.deployments) == 39
        assert daemon.running.condition.endswith("; reads the past: 25 of 60 projects")
        forge.limit = None
        asked = len(forge.seen)
        await daemon.start()
        await daemon.poll()
        assert len(daemon.deployments) == 60
        assert len(forge.seen) - asked == 1 + 35 * 2 + 2
        assert [line for line in caplog.messages if "reading the past" in line][-1].endswith("read=60 of=60")
        assert daemon.running.condition == "works"


async def test_a_project_that_joins_the_group_brings_its_past() -> None:
    async with a_pair() as (daemon, forge):
        forge.add_project("acme/shop")
        joins = forge.add_project("other/web")
        forge.end(forge.deploy(joins), "success")
        forge.change(forge.open(joins), state="closed")
        daemon.clock.advance(DAY_MS)
        await daemon.poll()
        assert (daemon.deployments, daemon.incidents) == ([], [])
        daemon.clock.advance(DAY_MS)
        forge.rename(joins, "acme/web")
        await daemon.poll()
        assert [each.service for each in daemon.deployments] == ["web"]
        assert [each.services for each in daemon.incidents] == [("web",)]


async def test_pages_are_read_to_the_end() -> None:
    async with a_pair() as (daemon, forge):
        shop = forge.add_project("acme/shop")
        for _ in range(250):
            forge.end(forge.deploy(shop), "success")
        await daemon.poll()
        assert len(daemon.deployments) == 250


async def test_incidents_are_opened_closed_and_reopened() -> None:
    async with a_pair(incident_labels={"service::pay": "pay"}) as (daemon, forge):
        shop = forge.add_project("acme/shop")
        incident = forge.open(shop, severity="CRITICAL", labels=["service::pay"])
        daemon.clock.advance(200 * DAY_MS)
        await daemon.poll()
        assert [(each.services, each.severity, each.finished_at) for each in daemon.incidents] == [
            (("pay",), "critical", None)
        ]
        forge.change(incident, state="closed")
        await daemon.poll()
        assert [each.finished_at for each in daemon.incidents] == [daemon.clock()]
        daemon.clock.advance(DAY_MS)
        forge.change(incident, state="opened")
        await daemon.poll()
        assert [each.finished_at for each in daemon.incidents] == [None]


async def test_a_deleted_incident_counts_no_more() -> None:
    async with a_pair() as (daemon, forge):
        shop = forge.add_project("acme/shop")
        deleted = [forge.open(shop), forge.open(shop)]
        forge.change(deleted[0], state="closed")
        forge.open(shop)
        assert await daemon.push("Issue Hook", forge.issue_hook(deleted[1])) == 200
        await daemon.poll()
        for each in deleted:
            del forge.issues[each]
        daemon.clock.advance(MINUTE_MS)
        await daemon.poll()
        assert [each.services for each in daemon.incidents] == [(), (), ("shop",)]
        assert [each.id for each in daemon.sources.sink(daemon.running).open_incidents()] == ["gl:issue-3"]


async def test_an_incident_that_becomes_an_issue_counts_no_more_until_it_is_one_again() -> None:
    async with a_pair() as (daemon, forge):
        incident = forge.open(forge.add_project("acme/shop"))
        await daemon.poll()
        for kind, services in (("issue", ()), ("incident", ("shop",))):
            daemon.clock.advance(MINUTE_MS)
            forge.change(incident, issue_type=kind)
            await daemon.poll()
            assert [each.services for each in daemon.incidents] == [services]


async def test_all_incidents_have_their_turn_to_be_asked_for() -> None:
    async with a_pair() as (daemon, forge):
        shop = forge.add_project("acme/shop")
        for _ in range(70):
            forge.open(shop)
        await daemon.poll()
        forge.issues.clear()
        for _ in range(4):
            await daemon.poll()
        assert {each.services for each in daemon.incidents} == {()}


async def test_an_incident_of_a_project_that_is_hidden_now_stays() -> None:
    async with a_pair() as (daemon, forge):
        forge.add_project("acme/other")
        shop = forge.add_project("acme/shop")
        forge.open(shop)
        await daemon.poll()
        del forge.projects[shop]
        forge.issues.clear()
        await daemon.poll()
        assert [each.services for each in daemon.incidents] == [("shop",)]


async def test_what_the_api_said_of_a_second_is_newer_than_a_webhook_about_it() -> None:
    async with a_pair() as (daemon, forge):
        incident = forge.open(forge.add_project("acme/shop"))
        forge.change(incident, state="closed")
        closed = forge.issue_hook(incident)
        forge.change(incident, state="opened")
        await daemon.poll()
        assert await daemon.push("Issue Hook", closed) == 200
        assert [each.finished_at for each in daemon.incidents] == [None]


async def test_filters_leave_out() -> None:
    async with a_pair(exclude_projects=["acme/old-*"], environment_tiers=["production"], severities=["critical"]) as (
        daemon,
        forge,
    ):
        for path in ("acme/old-shop", "acme/stage", "other/shop", "acme/shop"):
            project = forge.add_project(path)
            forge.end(forge.deploy(project), "success")
            forge.open(project, severity="LOW")
        forge.tiers[2] = "staging"
        await daemon.poll()
        assert [each.service for each in daemon.deployments] == ["shop"]
        assert daemon.incidents == []


async def test_named_projects_are_polled_without_a_group() -> None:
    async with a_pair(groups=[], projects=["acme/shop"]) as (daemon, forge):
        for path in ("acme/other", "acme/shop"):
            project = forge.add_project(path)
            forge.end(forge.deploy(project), "success")
            forge.open(project)
        await daemon.poll()
        assert [each.service for each in daemon.deployments] == ["shop"]
        assert [each.services for each in daemon.incidents] == [("shop",)]


@pytest.mark.parametrize("path", ["acme/gone", "acme/moved"])
async def test_a_named_project_that_is_gone_or_moved_is_one_line_and_the_others_are_read(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="dora_exporter")
    async with a_pair(groups=[], projects=[path, "acme/shop"]) as (daemon, forge):
        forge.rename(forge.add_project("acme/moved"), "other/moved")
        forge.end(forge.deploy(forge.add_project("acme/shop")), "success")
        for _ in range(3):
            assert (await daemon.poll()).problem is None
        assert [each.service for each in daemon.deployments] == ["shop"]
        (line,) = [line for line in caplog.messages if "not found" in line]
        assert f"source=gl name={path} " in line

        forge.end(forge.deploy(forge.add_project(path)), "success")
        daemon.clock.advance(MINUTE_MS)
        await daemon.poll()
        assert len(daemon.deployments) == 2
        assert [line for line in caplog.messages if "again" in line] == [
            f"group or project found again source=gl name={path}"
        ]


async def test_a_group_that_is_gone_does_not_keep_the_others_from_being_read() -> None:
    async with a_pair(groups=["gone", "acme"]) as (daemon, forge):
        shop = forge.add_project("acme/shop")
        forge.end(forge.deploy(shop), "success")
        forge.open(shop)
        assert (await daemon.poll()).problem is None
        assert (len(daemon.deployments), len(daemon.incidents)) == (1, 1)


async def test_where_nothing_is_found_the_source_is_misconfigured(caplog: pytest.LogCaptureFixture) -> None:
    async with a_pair(groups=["gone"]) as (daemon, _forge):
        for _ in range(2):
            health = await daemon.poll()
            assert health.is_misconfigured
        assert len(caplog.messages) == 1
        assert "no group or project is found" in caplog.messages[0]


async def test_an_outage_is_one_line_when_it_begins_and_one_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="dora_exporter")
    async with a_pair() as (daemon, forge):
        forge.end(forge.deploy(forge.add_project("acme/shop")), "success")
        forge.token = "another"
        for _ in range(3):
            await daemon.poll()
        forge.token = "token"
        await daemon.poll()
        assert [line.partition(" source=")[0] for line in caplog.messages if "past" not in line] == [
            "source is misconfigured",
            "source recovered",
        ]
        assert "another" not in caplog.text
        assert len(daemon.deployments) == 1


async def test_a_project_without_the_feature_does_not_keep_the_others_from_being_read() -> None:
    async with a_pair() as (daemon, forge):
        for path in ("acme/a", "acme/b"):
            forge.end(forge.deploy(forge.add_project(path)), "success")
        forge.hidden = {1}
        health = await daemon.poll()
        assert health.problem is None
        assert [each.service for each in daemon.deployments] == ["b"]

        asked = len(forge.seen)
        daemon.clock.advance(MINUTE_MS)
        await daemon.poll()
        assert len(forge.seen) - asked == 3, "it is not asked for in every pass"

        forge.hidden.clear()
        daemon.clock.advance(DAY_MS)
        await daemon.poll()
        assert [each.service for each in daemon.deployments] == ["b", "a"]


async def test_a_project_that_gets_the_feature_later_is_read_from_its_past_on() -> None:
    async with a_pair() as (daemon, forge):
        shop = forge.add_project("acme/shop")
        for _ in range(150):
            forge.end(forge.deploy(shop), "success")
        forge.hidden = {shop}
        daemon.clock.advance(30 * DAY_MS)
        await daemon.poll()
        forge.hidden.clear()
        daemon.clock.advance(DAY_MS)
        await daemon.poll()
        assert len(daemon.deployments) == 150


async def test_a_wrong_token_is_a_misconfiguration_until_it_is_right() -> None:
    async with a_pair() as (daemon, forge):
        forge.token = "another"
        health = await daemon.poll()
        assert health.is_misconfigured
        forge.token = "token"
        assert not (await daemon.poll()).is_misconfigured


async def test_a_rate_limit_is_obeyed() -> None:
    async with a_pair() as (daemon, forge):
        forge.add_project("acme/shop")
        forge.faults = [lambda: web.Response(status=429, headers={"Retry-After": "42"})]
        await daemon.poll()
        assert daemon.slept == [42]


async def test_a_pass_that_fails_is_read_again() -> None:
    async with a_pair() as (daemon, forge):
        shop = forge.add_project("acme/shop")
        forge.end(forge.deploy(shop), "success")
        forge.faults = [lambda: web.Response(status=400)]
        assert (await daemon.poll()).problem is not None
        assert (await daemon.poll()).problem is None
        assert len(daemon.deployments) == 1


@pytest.mark.parametrize("flaw", [{"sha": 7}, {"created_at": None}, {"environment": None}, {"id": "x"}])
async def test_a_malformed_row_is_counted_and_the_others_are_taken(flaw: dict[str, Any]) -> None:
    async with a_pair() as (daemon, forge):
        shop = forge.add_project("acme/shop")
        for _ in range(2):
            forge.end(forge.deploy(shop), "success")
        forge.deployments[1] |= flaw
        health = await daemon.poll()
        assert (health.problem, health.items["quarantined"]) == (None, 1)
        assert [each.id for each in daemon.deployments] == ["gl:2"]


async def test_a_malformed_incident_is_counted_and_the_others_are_taken() -> None:
    async with a_pair() as (daemon, forge):
        shop = forge.add_project("acme/shop")
        for created_at in ("soon", iso(daemon.clock())):
            forge.change(forge.open(shop, created_at=created_at), state="closed")
        health = await daemon.poll()
        assert (health.problem, health.items["quarantined"]) == (None, 1)
        assert [each.id for each in daemon.incidents] == ["gl:issue-2"]


async def test_without_a_token_nothing_is_polled() -> None:
    async with a_daemon() as daemon:
        assert daemon.running.source.interval_ms is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "a", "token_file": "b", "groups": ["acme"]},
        {"token": "a"},
        {"token": "a", "projects": ["acme/*"]},
        {"token": "a", "projects": ["shop"]},
        {"base_url": "https://user:secret@gitlab.example"},
    ],
)
def test_a_mistake_in_the_settings_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GitLabSettings.model_validate(wrong)


async def test_a_random_life_seen_by_webhook_poll_failure_and_restart_ends_as_the_forge_has_it() -> None:
    async with a_pair() as (daemon, forge):
        for seed in range(HISTORIES):
            await live(daemon, forge, seed)
