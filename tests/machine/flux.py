"""Flux as its notifications tell of it: a revision is reconciled, again and again, or fails, and comes back."""

from dataclasses import dataclass, replace
from hashlib import blake2b

from tests.machine import saying
from tests.machine.facts import Deployed, World
from tests.machine.site import FLUX, Site


@dataclass(frozen=True)
class Reconcile:
    """Flux tells what it did with a revision some time ago; what it tells may be late."""

    name: str
    number: int
    fails: bool
    line: tuple[str, str]
    image: str
    lag_ms: int

    async def do(self, site: Site, world: World) -> None:
        """A revision is a deployment once, until another one was there, and one attempt at most."""
        at = site.clock() - self.lag_ms
        reply = await site.ask("POST", f"/webhooks/{FLUX}", self._event(at))
        assert reply.is_taken, reply
        prefix = f"{FLUX}:{_digest(self.name)}:"
        held = [each for each in world.deployments.values() if each.id.startswith(prefix)]
        succeeded = sorted((each for each in held if each.outcome is None), key=lambda each: each.order)
        before = [each for each in succeeded if each.finished_at <= at]
        after = [each for each in succeeded if each.finished_at > at]
        if before and before[-1].version == self._revision:
            return
        if self.fails:
            attempt = self._deployed(f"{prefix}failed:{_digest(self._revision)}", at)
            if attempt.id not in world.deployments or at < world.deployments[attempt.id].finished_at:
                world.take(replace(attempt, outcome="failed"))
        elif after and after[0].version == self._revision:
            world.take(replace(after[0], started_at=at, finished_at=at))
        else:
            world.take(self._deployed(f"{prefix}{at}", at))

    @property
    def _sha(self) -> str:
        return f"{self.number:x}".rjust(40, "c")

    @property
    def _revision(self) -> str:
        return f"main@sha1:{self._sha}"

    def _deployed(self, id_: str, at: int) -> Deployed:
        service, environment = self.line
        return Deployed(
            id=id_,
            service=service,
            environment=environment,
            started_at=at,
            finished_at=at,
            version=self._revision,
            source=FLUX,
            keys=(self.image, self._sha),
        )

    def _event(self, at: int) -> dict[str, object]:
        service, environment = self.line
        return {
            "involvedObject": {"kind": "Kustomization", "name": self.name, "namespace": "apps", "uid": self.name},
            "reason": "HealthCheckFailed" if self.fails else "ReconciliationSucceeded",
            "severity": "error" if self.fails else "info",
            "timestamp": saying.moment(at),
            "metadata": {
                "kustomize.toolkit.fluxcd.io/revision": self._revision,
                "service": service,
                "env": environment,
                "image": self.image,
            },
        }


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
