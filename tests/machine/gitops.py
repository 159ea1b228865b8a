"""Argo CD's syncs, as its notifications tell them, and the commits that pipelines tell of images and configurations."""

from dataclasses import dataclass

from tests.machine import saying
from tests.machine.facts import MINUTE_MS, SECOND_MS, Deployed, World
from tests.machine.site import ARGO, Site

DEGRADED_WITHIN_MS = 30 * MINUTE_MS
HOWS = ("Healthy", "Healthy", "Healthy", "Degraded", "Failed")


@dataclass(frozen=True)
class Synced:
    """What an application runs after a sync: ``finished_at`` and ``image`` name what became of it."""

    id: str
    line: tuple[str, str]
    started_at: int
    finished_at: int
    image: str
    revision: str
    phase: str


@dataclass(frozen=True)
class Sync:
    """An application syncs and is told of, or its latest sync is told again with the health that it has now."""

    app: str
    how: str
    line: tuple[str, str] | None
    tag: str = ""
    lags_ms: tuple[int, int] = (0, 0)

    async def do(self, site: Site, world: World) -> None:
        """Nothing is told while our clock is behind."""
        now, known = site.clock(), site.syncs.setdefault(self.app, [])
        if now < site.latest_sync_ms or (self.line is None and not known):
            return
        site.latest_sync_ms = now
        if self.line is not None:
            known.append(self._new(known, now, self.line))
        elif known[-1].phase == "Failed":
            return
        last = known[-1]
        since = last.finished_at if self.line is not None else now
        health = "Degraded" if self.how == "Failed" else self.how
        reply = await site.ask("POST", f"/webhooks/{ARGO}", {"app": _application(self.app, last, health, since)})
        assert reply.is_taken, reply
        is_soon = since <= last.finished_at + DEGRADED_WITHIN_MS
        if self._has_changed(last, known, world) and (last.id not in world.deployments or is_soon):
            world.take(_deployed(last, None if health == "Healthy" else "failed"))
        site.pass_time(SECOND_MS)

    def _new(self, known: list[Synced], now: int, line: tuple[str, str]) -> Synced:
        """One that began after the one before it ended."""
        earliest = known[-1].finished_at + 1 if known else 0
        started_at = max(now - self.lags_ms[0] - self.lags_ms[1], min(earliest, now))
        finished_at = max(now - self.lags_ms[1], started_at)
        return Synced(
            f"{ARGO}:{self.app}:{started_at}",
            line,
            started_at,
            finished_at,
            f"registry.example/shop/{self.app}:{self.tag}",
            f"{len(known):x}".rjust(40, "c"),
            "Failed" if self.how == "Failed" else "Succeeded",
        )

    def _has_changed(self, last: Synced, known: list[Synced], world: World) -> bool:
        """Whether it has an image that the last success, or what was degraded since, did not have."""
        before = [each for each in known[:-1] if each.id in world.deployments and each.phase == "Succeeded"]
        good = [each for each in before if world.deployments[each.id].outcome is None]
        if not good:
            return True
        return last.image != good[-1].image or last.image != before[-1].image


def _deployed(sync: Synced, outcome: str | None) -> Deployed:
    service, environment = sync.line
    return Deployed(
        id=sync.id,
        service=service,
        environment=environment,
        started_at=sync.started_at,
        finished_at=sync.finished_at,
        version=sync.image.rpartition(":")[2],
        source=ARGO,
        outcome="failed" if sync.phase == "Failed" else outcome,
        keys=(sync.image, sync.revision),
    )


def _application(app: str, sync: Synced, health: str, since: int) -> dict[str, object]:
    service, environment = sync.line
    workload = {"kind": "Deployment", "name": app, "message": "configured", "images": [sync.image]}
    return {
        "metadata": {"name": app, "uid": app, "annotations": {"dd_service": service, "dd_env": environment}},
        "status": {
            "health": {"status": health, "lastTransitionTime": saying.moment(since)},
            "operationState": {
                "phase": sync.phase,
                "startedAt": saying.moment(sync.started_at),
                "finishedAt": saying.moment(sync.finished_at),
                "syncResult": {"revision": sync.revision, "resources": [workload]},
            },
            "summary": {"images": [sync.image]},
        },
    }


@dataclass(frozen=True)
class Correlate:
    """A pipeline tells which commit an image was built from, or what a commit of a configuration stands for."""

    key: str
    repository: str
    sha: str

    async def do(self, site: Site, world: World) -> None:
        """Deployments that came without a commit have one now."""
        source = f"https://{self.repository}"
        attributes: dict[str, object] = {"image": self.key, "commit_sha": self.sha, "repository_url": source}
        path = "correlate-image"
        if ":" not in self.key:
            path = "correlate"
            told = {"git.repository_url": source, "git.commit.sha": self.sha}
            attributes = {
                "config_repo_url": "https://git.example/conf",
                "config_commit_shas": [self.key],
                "ci_env": told,
            }
        reply = await site.ask("POST", f"/api/v2/ci/deployments/{path}", {"data": {"attributes": attributes}})
        assert reply.is_taken, reply
        world.correlated[self.key] = self.repository, self.sha
        for each in [one for one in world.deployments.values() if self.key in one.keys]:
            world.deployments[each.id] = world.with_commit(each)
