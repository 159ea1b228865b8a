"""Random lives of a GitHub, seen by webhook, poll, failure and restart in random order."""

import random
from typing import Any

from aiohttp import web
from tests.builders import DAY_MS, HOUR_MS, MINUTE_MS
from tests.sources.fake_github import FakeGitHub, FakeRepository
from tests.sources.fake_github_triggers import WORKFLOW, FakeRelease, FakeRun, FakeTag, run_row
from tests.sources.github_daemon import GitHubDaemon

from dora_exporter.runtime.timestamps import iso

TRIGGERS = ["release", "workflow_run", "tag"]
ALL = {"triggers": TRIGGERS, "workflows": [{"path": WORKFLOW, "branches": ["main"]}]}
STATES = ("queued", "pending", "in_progress", "success", "failure", "error", "inactive")


def held(daemon: GitHubDaemon) -> dict[str, tuple[int, int, str | None]]:
    """Begin, end and outcome of what is held, by id."""
    return {each.id: (each.started_at, each.finished_at, each.outcome) for each in daemon.deployments}


def expected(fake: FakeGitHub) -> dict[str, tuple[int, int, str | None]]:
    """What GitHub's state means, told without the source's code: the last end counts, from when it is."""
    found: dict[str, tuple[int, int, str | None]] = {}
    for each in (made for repository in fake.repositories for made in repository.deployments):
        ends = [(at, state) for state, at in each.statuses if state in {"success", "failure", "error"}]
        if ends:
            last = "success" if ends[-1][1] == "success" else "failed"
            others = [number for number, end in enumerate(ends) if (end[1] == "success") != (last == "success")]
            at = ends[max(others, default=-1) + 1][0]
            began = min((at for state, at in each.statuses if state == "in_progress"), default=at + 1)
            outcome = None if last == "success" else "failed"
            found[f"gh:{each.id}"] = (began if began <= at else each.created_ms, at, outcome)
    return found


async def live(fake: FakeGitHub, daemon: GitHubDaemon, seed: int) -> None:
    """One life of deployments, which ends with what is held being what GitHub has."""
    chance = random.Random(seed)
    await _begin(fake, daemon)
    repositories = [fake.repository("acme/a"), fake.repository("acme/b")]
    lives = []
    for _ in range(chance.randint(4, 16)):
        daemon.clock.advance(chance.choice((1000, MINUTE_MS, 7 * HOUR_MS)))
        _let_fail(fake, chance)
        match chance.randrange(6):
            case 0 | 1:
                repository = chance.choice(repositories)
                lives.append((repository, fake.deploy(repository)))
            case 2 | 3 if lives:
                where, made = chance.choice(lives[-3:])
                made.statuses.append((chance.choice(STATES), daemon.clock() // 1000 * 1000))
                for _ in range(chance.randrange(3)):
                    body = fake.delivery(where, made, chance.randrange(len(made.statuses)))
                    assert await daemon.push_straight("deployment_status", body)
            case 4:
                await daemon.poll()
            case _:
                await daemon.start()
    await _end(fake, daemon)
    assert held(daemon) == expected(fake), seed


async def live_by_other_triggers(fake: FakeGitHub, daemon: GitHubDaemon, seed: int) -> None:
    """One life of releases, tags and runs, of which none is lost and none doubled."""
    chance = random.Random(seed)
    await _begin(fake, daemon)
    repository = fake.repository()
    for number in range(chance.randint(4, 20)):
        daemon.clock.advance(chance.choice((1000, MINUTE_MS, 7 * HOUR_MS)))
        _let_fail(fake, chance)
        await _happens(chance, number, repository, daemon)
    await _end(fake, daemon)
    assert {each.id: (each.version, each.commit_sha) for each in daemon.deployments} == _true(repository), seed


async def _begin(fake: FakeGitHub, daemon: GitHubDaemon) -> None:
    fake.repositories.clear()
    fake.requests.clear()
    daemon.lines.clear()
    daemon.settings["overlap"] = "1h"
    await daemon.start()


def _let_fail(fake: FakeGitHub, chance: random.Random) -> None:
    fails = chance.choice((0.0, 0.3))
    fake.interfere = lambda: web.Response(status=404) if chance.random() < fails else None


async def _end(fake: FakeGitHub, daemon: GitHubDaemon) -> None:
    """A restart and passes that go well; the first one may only end what another began."""
    fake.interfere = lambda: None
    daemon.clock.advance(1000)
    await daemon.start(overlap="7d")
    for _ in range(2):
        await daemon.poll()


async def _happens(chance: random.Random, number: int, repository: FakeRepository, daemon: GitHubDaemon) -> None:
    now, triggers = daemon.clock() // 1000 * 1000, repository.triggers
    made: FakeRelease | FakeTag | FakeRun
    match chance.randrange(6):
        case 0:
            made = FakeRelease(number, f"v{number}", now, now)
            triggers.releases.append(made)
        case 1:
            made = FakeTag(f"t{number}", now - chance.choice((0, 5 * DAY_MS)), now, chance.choice((None, now)))
            triggers.tags.append(made)
        case 2:
            made = FakeRun(number, now, now, chance.choice(("success", "failure", None)))
            triggers.runs.append(made)
        case 3 if triggers.runs:
            made = chance.choice(triggers.runs)
            made.conclusion, made.updated_ms = made.conclusion or "success", now
        case 4:
            await daemon.start()
            return
        case _:
            await daemon.poll()
            return
    for _ in range(chance.randrange(3)):
        await tell(daemon, repository, made)


def _true(repository: FakeRepository) -> dict[str, tuple[str | None, str]]:
    triggers = repository.triggers
    return {
        **{f"gh:release:{each.id}": (each.tag, f"{each.id:040x}") for each in triggers.releases},
        **{f"gh:run:{each.id}:1": (None, each.sha) for each in triggers.runs if each.conclusion},
        **{f"gh:tag:{repository.id}:{each.sha[:12]}:{each.name}": (each.name, each.sha) for each in triggers.tags},
    }


async def tell(daemon: GitHubDaemon, repository: FakeRepository, made: FakeRelease | FakeTag | FakeRun) -> None:
    """The webhook of something."""
    place = {"id": repository.id, "full_name": repository.full_name, "clone_url": f"{repository.url}.git"}
    body: dict[str, Any]
    match made:
        case FakeRelease():
            kind, published = "release", iso(made.published_ms or 0)
            shown = {"id": made.id, "tag_name": made.tag, "target_commitish": "main", "published_at": published}
            body = {"action": "published", "release": shown}
        case FakeTag():
            kind, place["pushed_at"] = "push", made.pushed_ms // 1000
            body = {"ref": f"refs/tags/{made.name}", "after": "f" * 40, "head_commit": {"id": made.sha}}
        case FakeRun():
            kind, action = "workflow_run", "completed" if made.conclusion else "in_progress"
            body = {"action": action, "workflow_run": run_row(made, repository.full_name)}
    assert await daemon.push_straight(kind, {**body, "repository": place})
