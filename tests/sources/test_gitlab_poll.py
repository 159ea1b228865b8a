"""Polls of GitLab, against one that remembers what it is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError
from tests.builders import DAY_MS, MINUTE_MS
from tests.sources.fake_gitlab import FakeGitLab
from tests.sources.gitlab_daemon import NAME, GitLabDaemon, a_daemon

from dora_exporter.sources.gitlab.settings import GitLabSettings

HISTORIES = 60
STEPS = 25


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
        assert [(each.id, each.outcome) for each in daemon.deployments] == [
            ("gl:1", None),
            ("gl:2", "failed"),
            ("gl:3", "canceled"),
        ]
        first = daemon.deployments[0]
        assert (first.service, first.environment, first.commit_sha) == ("shop", "production", f"{1:040x}")
        assert first.repository == "gitlab.example/acme/shop"
        assert first.finished_at - first.started_at == MINUTE_MS
        assert (first.upstream or {})["tier"] == "production"


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
        assert len(forge.seen) - asked == 5, "one list of projects, three of deployments, one of incidents"


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


async def test_a_project_without_the_feature_does_not_keep_the_others_from_being_read() -> None:
    async with a_pair() as (daemon, forge):
        for path in ("acme/a", "acme/b"):
            forge.end(forge.deploy(forge.add_project(path)), "success")
        forge.hidden = {1}
        health = await daemon.poll()
        assert health.problem is None
        assert [each.service for each in daemon.deployments] == ["b"]


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
    for seed in range(HISTORIES):
        async with a_pair() as (daemon, forge):
            await Life(daemon, forge, Random(seed)).run()
            assert _held(daemon) == _true(forge), seed


class Life:
    """What happens to one project, and which of it the daemon hears, in random order."""

    def __init__(self, daemon: GitLabDaemon, forge: FakeGitLab, random: Random) -> None:
        """The project is there."""
        self.daemon = daemon
        self.forge = forge
        self.random = random
        self.project = forge.add_project("acme/shop")
        self.hooks: list[tuple[str, dict[str, Any]]] = []

    async def run(self) -> None:
        """Lets it happen; a pass that goes well is the last thing."""
        for _ in range(STEPS):
            self.daemon.clock.advance(self.random.choice((0, 300, 1000, 90_000)))
            await self.random.choice((self.deploy, self.end, self.open, self.change, self.hear, self.look))()
        self.daemon.clock.advance(1000)
        self.forge.faults.clear()
        await self.daemon.poll()
        for _ in range(len(self.hooks) // 2):
            await self.hear()

    async def deploy(self) -> None:
        self._tell_deployment(self.forge.deploy(self.project))

    async def end(self) -> None:
        running = [each for each, row in self.forge.deployments.items() if row["status"] == "running"]
        if running:
            id_ = self.random.choice(running)
            self.forge.end(id_, self.random.choice(("success", "failed", "canceled")))
            self._tell_deployment(id_)

    async def open(self) -> None:
        self._tell_issue(self.forge.open(self.project))

    async def change(self) -> None:
        if self.forge.issues:
            id_ = self.random.choice(list(self.forge.issues))
            changes: tuple[dict[str, object], ...] = ({"state": "closed"}, {"state": "opened"}, {"severity": "HIGH"})
            self.forge.change(id_, **self.random.choice(changes))
            self._tell_issue(id_)

    async def hear(self) -> None:
        """A webhook comes, perhaps again and out of order."""
        if self.hooks:
            kind, body = self.random.choice(self.hooks)
            assert await self.daemon.push(kind, body) == 200

    async def look(self) -> None:
        """A pass, perhaps in an outage, or a restart."""
        what = self.random.randrange(4)
        if what == 0:
            await self.daemon.start()
        elif what == 1:
            self.forge.faults = [lambda: web.Response(status=400)]
        await self.daemon.poll()

    def _tell_deployment(self, id_: int) -> None:
        self.hooks.append(("Deployment Hook", self.forge.deployment_hook(id_)))

    def _tell_issue(self, id_: int) -> None:
        self.hooks.append(("Issue Hook", self.forge.issue_hook(id_)))


def _held(daemon: GitLabDaemon) -> object:
    return (
        {each.id: (each.outcome or "success", each.commit_sha) for each in daemon.deployments},
        {each.id: (each.finished_at is None, each.severity) for each in daemon.incidents},
    )


def _true(forge: FakeGitLab) -> object:
    ended = [row for row in forge.deployments.values() if row["status"] != "running"]
    return (
        {f"{NAME}:{row['id']}": (row["status"], row["sha"]) for row in ended},
        {
            f"{NAME}:issue-{row['id']}": (
                row["state"] == "opened",
                None if row["severity"] == "UNKNOWN" else row["severity"].lower(),
            )
            for row in forge.issues.values()
        },
    )
