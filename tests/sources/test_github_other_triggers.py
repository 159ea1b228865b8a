"""Releases, tags and workflow runs of GitHub, polled: what the webhook lost, and how the two meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from tests.builders import DAY_MS, HOUR_MS, MINUTE_MS
from tests.sources.fake_github import FakeGitHub, FakeRepository
from tests.sources.fake_github_triggers import FakeRelease, FakeRun, FakeTag
from tests.sources.github_daemon import GitHubDaemon
from tests.sources.github_lives import ALL, TRIGGERS, live_by_other_triggers, tell
from tests.sources.test_github_poll import polled

HISTORIES = 40


@asynccontextmanager
async def a_pair(**settings: object) -> AsyncIterator[tuple[FakeGitHub, FakeRepository, GitHubDaemon]]:
    """A GitHub with one repository, and a daemon that takes all but its deployments."""
    async with polled(environment="production", **{**ALL, **settings}) as (fake, daemon):
        yield fake, fake.repository(), daemon


def held(daemon: GitHubDaemon) -> dict[str, tuple[Any, ...]]:
    """Version, SHA, end and outcome of what is held, by id."""
    return {
        each.id: (each.version, each.commit_sha, each.finished_at, each.outcome)
        for each in sorted(daemon.deployments, key=lambda each: each.id)
    }


def hour(daemon: GitHubDaemon, back: int) -> int:
    """So many hours ago, at a full second."""
    return daemon.clock() // 1000 * 1000 - back * HOUR_MS


async def test_the_past_is_read_at_the_first_pass() -> None:
    async with a_pair() as (fake, repository, daemon):
        for number in range(150):
            at = hour(daemon, number)
            repository.triggers.releases.insert(0, FakeRelease(number, f"v{number}", at, at))
            repository.triggers.tags.insert(0, FakeTag(f"t{number}", at, at))
            repository.triggers.runs.insert(0, FakeRun(number, at, at + MINUTE_MS, "success"))
        repository.triggers.releases.insert(0, FakeRelease(999, "old", hour(daemon, 9999), hour(daemon, 9999)))
        health = await daemon.poll()
        assert (health.problem, len(daemon.deployments)) == (None, 450)
        assert {each.environment for each in daemon.deployments} == {"production"}
        assert {each.repository for each in daemon.deployments} == {"github.com/acme/shop"}
        assert fake.requests.count("runs") == 2


async def test_of_releases_only_published_ones_count() -> None:
    async with a_pair() as (_fake, repository, daemon):
        at = hour(daemon, 1)
        repository.triggers.releases += [
            FakeRelease(1, "v1", at, at),
            FakeRelease(2, "draft", at, None),
            FakeRelease(3, "rc", at, at, is_prerelease=True),
        ]
        await daemon.poll()
        assert held(daemon) == {"gh:release:1": ("v1", f"{1:040x}", at, None)}


async def test_a_draft_that_is_published_later_is_found() -> None:
    async with a_pair() as (_fake, repository, daemon):
        repository.triggers.releases.append(FakeRelease(1, "v1", hour(daemon, 0), None))
        await daemon.poll()
        daemon.clock.advance(9 * DAY_MS)
        repository.triggers.releases[0].published_ms = published = hour(daemon, 0)
        await daemon.poll()
        assert held(daemon) == {"gh:release:1": ("v1", f"{1:040x}", published, None)}


async def test_a_tag_was_made_when_its_tagger_says_and_else_after_its_commit_and_the_last_pass() -> None:
    async with a_pair(refs=["v*"]) as (_fake, repository, daemon):
        tags = repository.triggers.tags
        tags.append(FakeTag("v1", hour(daemon, 48), hour(daemon, 47)))
        tags.append(FakeTag("v2", hour(daemon, 46), hour(daemon, 45), tagged_ms=hour(daemon, 45)))
        tags.append(FakeTag("nightly", hour(daemon, 4), hour(daemon, 3)))
        await daemon.poll()
        last_pass = daemon.clock()
        daemon.clock.advance(HOUR_MS)
        tags.append(FakeTag("v3", hour(daemon, 44), hour(daemon, 0)))
        await daemon.poll()
        daemon.clock.advance(HOUR_MS)
        await daemon.poll()
        assert [(each.version, each.finished_at) for each in daemon.deployments] == [
            ("v2", tags[1].tagged_ms),
            ("v1", tags[0].committed_ms),
            ("v3", last_pass),
        ]


@pytest.mark.parametrize("is_polled_first", [False, True])
async def test_the_webhook_knows_best_when_a_tag_was_pushed(*, is_polled_first: bool) -> None:
    async with a_pair() as (_fake, repository, daemon):
        tag = FakeTag("v1", hour(daemon, 9), hour(daemon, 1), tagged_ms=hour(daemon, 8))
        repository.triggers.tags.append(tag)
        if is_polled_first:
            await daemon.poll()
        await tell(daemon, repository, tag)
        await daemon.poll()
        assert [(each.version, each.commit_sha, each.finished_at) for each in daemon.deployments] == [
            ("v1", tag.sha, tag.pushed_ms)
        ]


async def test_the_sha_of_a_release_stays_when_a_webhook_repeats_it_with_a_branch_in_its_place() -> None:
    async with a_pair() as (_fake, repository, daemon):
        release = FakeRelease(1, "v1", hour(daemon, 1), hour(daemon, 1))
        repository.triggers.releases.append(release)
        await tell(daemon, repository, release)
        assert [each.commit_sha for each in daemon.deployments] == [None]
        await daemon.poll()
        await tell(daemon, repository, release)
        assert [each.commit_sha for each in daemon.deployments] == [f"{1:040x}"]


async def test_runs_are_read_by_workflow_branch_and_end() -> None:
    async with a_pair() as (_fake, repository, daemon):
        at = hour(daemon, 1)
        repository.triggers.runs += [
            FakeRun(1, at, at + 1000, "success"),
            FakeRun(2, at, at + 2000, "failure", attempt=2),
            FakeRun(3, at, at + 3000, "cancelled"),
            FakeRun(4, at, at + 4000, "skipped"),
            FakeRun(5, at, at + 5000, "success", branch="feature"),
            FakeRun(6, at, at + 6000, "success", path=".github/workflows/test.yml"),
        ]
        await daemon.poll()
        assert held(daemon) == {
            "gh:run:1:1": (None, f"{1:040x}", at + 1000, None),
            "gh:run:2:2": (None, f"{2:040x}", at + 2000, "failed"),
            "gh:run:3:1": (None, f"{3:040x}", at + 3000, "canceled"),
        }


async def test_a_run_that_went_on_is_found_when_it_has_ended_behind_many_others() -> None:
    async with a_pair() as (_fake, repository, daemon):
        waits = FakeRun(1, hour(daemon, 0), hour(daemon, 0))
        repository.triggers.runs.append(waits)
        await daemon.poll()
        for number in range(2, 90):
            daemon.clock.advance(HOUR_MS)
            repository.triggers.runs.append(FakeRun(number, hour(daemon, 0), hour(daemon, 0), "success"))
        await daemon.poll()
        waits.conclusion, waits.updated_ms = "success", hour(daemon, 0)
        await daemon.start()
        await daemon.poll()
        assert daemon.store.deployments["gh:run:1:1"].finished_at == waits.updated_ms


async def test_a_glob_for_workflows_asks_for_the_runs_of_all() -> None:
    async with a_pair(workflows=[{"path": "*/deploy*.yml"}]) as (_fake, repository, daemon):
        at = hour(daemon, 1)
        repository.triggers.runs += [
            FakeRun(1, at, at, "success", path=".github/workflows/deploy-eu.yml"),
            FakeRun(2, at, at, "success", path=".github/workflows/test.yml"),
        ]
        health = await daemon.poll()
        assert list(held(daemon)) == ["gh:run:1:1"]
        assert health.items["skipped"] == 1


async def test_five_hundred_unchanged_repositories_cost_sixty_requests_and_answers_of_304() -> None:
    async with a_pair(triggers=["deployment", *TRIGGERS]) as (fake, _repository, daemon):
        for number in range(500):
            triggers, at = fake.repository(f"acme/r{number}").triggers, hour(daemon, 20)
            triggers.releases.append(FakeRelease(number, "v1", at, at))
            triggers.tags.append(FakeTag("v1", at, at))
            triggers.runs.append(FakeRun(number, at, at, "success"))
        await daemon.poll()
        daemon.clock.advance(5 * MINUTE_MS)
        await daemon.poll()
        fake.requests.clear()
        daemon.clock.advance(5 * MINUTE_MS)
        health = await daemon.poll()
        assert (health.problem, len(daemon.deployments)) == (None, 1500)
        assert [fake.requests.count(each) for each in ("runs", "runs unchanged")] == [0, 500]
        assert len(fake.requests) - 500 <= 60


async def test_repositories_without_the_workflow_are_not_asked_in_every_pass_and_later_bring_their_past() -> None:
    async with a_pair(triggers=["workflow_run"]) as (fake, repository, daemon):
        for number in range(300):
            fake.repository(f"acme/r{number}")
        await daemon.poll()
        made = hour(daemon, 0)
        for _ in range(18):
            fake.requests.clear()
            daemon.clock.advance(10 * MINUTE_MS)
            repository.triggers.runs = [FakeRun(1, made, made, "success")]
            await daemon.poll()
            assert len(fake.requests) <= 60
        assert list(held(daemon)) == ["gh:run:1:1"]


async def test_what_failed_to_be_stored_is_read_again_although_github_says_that_nothing_changed() -> None:
    async with a_pair(triggers=["workflow_run"]) as (_fake, repository, daemon):
        repository.triggers.runs.append(FakeRun(1, hour(daemon, 1), hour(daemon, 1), "success"))
        await daemon.poll()
        daemon.clock.advance(MINUTE_MS)
        repository.triggers.runs.append(FakeRun(2, hour(daemon, 0), hour(daemon, 0), "success"))
        daemon.log.fails_next = 1
        await daemon.poll()
        assert len(daemon.deployments) == 1
        await daemon.poll()
        assert len(daemon.deployments) == 2


@pytest.mark.parametrize(
    "body", [b"{", b'{"workflow_runs": 7}', b'{"workflow_runs": [{"id": "x"}, null, {"id": 7, "head_sha": "a"}]}']
)
async def test_a_strange_list_of_runs_is_a_failed_pass_or_rows_that_are_put_aside(body: bytes) -> None:
    async with a_pair(triggers=["workflow_run"]) as (fake, _repository, daemon):
        fake.interfere = lambda: web.Response(body=body) if "runs" in fake.requests else None
        health = await daemon.poll()
        assert (health.problem or "").startswith("the list of runs cannot be read") or health.items["quarantined"] == 3
        assert daemon.deployments == []


async def test_a_random_life_seen_by_webhook_poll_failure_and_restart_loses_and_doubles_nothing() -> None:
    async with polled(environment="production", **ALL) as (fake, daemon):
        for seed in range(HISTORIES):
            await live_by_other_triggers(fake, daemon, seed)
