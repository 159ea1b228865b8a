"""Random lives of a GitLab, seen by webhook, poll, failure and restart in random order."""

from random import Random
from typing import Any

from aiohttp import web
from tests.sources.fake_gitlab import FakeGitLab
from tests.sources.gitlab_daemon import NAME, GitLabDaemon

STEPS = 25
DELETED_RATIO = 0.3


async def live(daemon: GitLabDaemon, forge: FakeGitLab, seed: int) -> None:
    """One life, which begins and ends with what is held being what the forge has."""
    forge.clear()
    daemon.lines.clear()
    await daemon.start()
    life = _Life(daemon, forge, Random(seed))
    await life.run()
    incidents = _true_incidents(forge)
    assert _deployments(daemon) == _true_deployments(forge), seed
    # a webhook that comes too late may still bring back one that is none any more
    assert {key: each for key, each in _incidents(daemon).items() if key in incidents} == incidents, seed
    await daemon.poll()
    assert (_deployments(daemon), _incidents(daemon)) == (_true_deployments(forge), incidents), seed


class _Life:
    """What happens to one project, and which of it the daemon hears, in random order."""

    def __init__(self, daemon: GitLabDaemon, forge: FakeGitLab, random: Random) -> None:
        """The project is there."""
        self.daemon = daemon
        self.forge = forge
        self.random = random
        self.project = forge.add_project("acme/shop")
        self.hooks: list[dict[str, Any]] = []

    async def run(self) -> None:
        """Lets it happen; a pass that goes well is the last thing."""
        for _ in range(STEPS):
            self.daemon.clock.advance(self.random.choice((0, 300, 1000, 90_000)))
            await self.random.choice(
                (self.deploy, self.end, self.open, self.change, self.delete, self.hear, self.look)
            )()
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
            changes: tuple[dict[str, object], ...] = (
                {"state": "closed"},
                {"state": "opened"},
                {"severity": "HIGH"},
                {"issue_type": "issue"},
                {"issue_type": "incident"},
            )
            self.forge.change(id_, **self.random.choice(changes))
            self._tell_issue(id_)

    async def delete(self) -> None:
        """An issue is deleted, of which no webhook tells."""
        if self.forge.issues and self.random.random() < DELETED_RATIO:
            del self.forge.issues[self.random.choice(list(self.forge.issues))]

    async def hear(self) -> None:
        """A webhook comes, perhaps again and out of order."""
        if self.hooks:
            assert await self.daemon.push_straight(self.random.choice(self.hooks))

    async def look(self) -> None:
        """A pass, perhaps in an outage, or a restart."""
        what = self.random.randrange(4)
        if what == 0:
            await self.daemon.start()
        elif what == 1:
            self.forge.faults = [lambda: web.Response(status=400)]
        await self.daemon.poll()

    def _tell_deployment(self, id_: int) -> None:
        self.hooks.append(self.forge.deployment_hook(id_))

    def _tell_issue(self, id_: int) -> None:
        self.hooks.append(self.forge.issue_hook(id_))


def _deployments(daemon: GitLabDaemon) -> dict[str, tuple[str, str | None]]:
    return {each.id: (each.outcome or "success", each.commit_sha) for each in daemon.deployments}


def _true_deployments(forge: FakeGitLab) -> dict[str, tuple[str, str | None]]:
    ended = [row for row in forge.deployments.values() if row["status"] != "running"]
    return {f"{NAME}:{row['id']}": (row["status"], row["sha"]) for row in ended}


def _incidents(daemon: GitLabDaemon) -> dict[str, tuple[bool, str | None]]:
    return {each.id: (each.finished_at is None, each.severity) for each in daemon.incidents if each.services}


def _true_incidents(forge: FakeGitLab) -> dict[str, tuple[bool, str | None]]:
    return {
        f"{NAME}:issue-{row['id']}": (
            row["state"] == "opened",
            None if row["severity"] == "UNKNOWN" else row["severity"].lower(),
        )
        for row in forge.issues.values()
        if row["issue_type"] == "incident"
    }
