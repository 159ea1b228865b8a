"""Invents the life of one service: its releases one after the other, each with everything that follows from it."""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Literal, NamedTuple

from msgspec.structs import replace

from dora_exporter.cli.demo.services import ServiceProfile
from dora_exporter.dora.events import DAY_MS, MINUTE_MS, Commit, Deployment, Incident, Remediation, Verdict
from dora_exporter.dora.records import Judgement

ENVIRONMENTS = ("development", "staging", "production")
SYMPTOMS = ("errors above budget", "slow answers", "queue grows", "orders missing", "pods restart", "wrong totals")

_HOUR_MS = 60 * MINUTE_MS
_OFFICE_HOURS = range(8, 18)
_WEEKEND = (5, 6)
_TROUBLES = ("network", "certificate expired", "provider down", "disk full")
_WORK = ("Add", "Simplify", "Fix", "Cache", "Validate", "Retry", "Measure", "Remove")
_OBJECTS = (
    "address form",
    "basket",
    "price rounding",
    "login flow",
    "stock feed",
    "mail template",
    "timeouts",
    "index",
)


class Happening(NamedTuple):
    """A record, and the moment at which the organisation reports it."""

    at: int
    record: Deployment | Incident | Judgement


def made_up_id(random: Random) -> str:
    """An id as Datadog makes them."""
    return f"{random.getrandbits(64):016x}"


@dataclass(frozen=True)
class Release:
    """New commits with a version of their own."""

    version: str
    commits: tuple[Commit, ...]

    @property
    def sha(self) -> str:
        """The commit that is built."""
        return self.commits[-1].sha


@dataclass
class ServiceSimulation:
    """A service and the state it is in.

    Until ``now_ms`` it keeps office hours; from then on it does not, and everything takes one ``haste``th of the time.
    """

    service: ServiceProfile
    random: Random
    now_ms: int
    haste: float
    neighbours: tuple[ServiceProfile, ...]
    releases: Iterator[int] = field(default_factory=lambda: count(1))
    reports: Iterator[int] = field(default_factory=count)
    pending: list[tuple[int, int, Happening]] = field(default_factory=list)
    unshipped: dict[str, list[Commit]] = field(default_factory=lambda: {each: [] for each in ENVIRONMENTS})
    in_production: Release | None = None
    production_free_at: int = 0

    def happenings(self, began: int) -> Iterator[Happening]:
        """What happens to the service, in time order."""
        at = began
        while True:
            at = self._next_release(at)
            while self.pending and self.pending[0][0] <= at:
                yield heapq.heappop(self.pending)[2]
            self._release(at, (at - began) / DAY_MS)

    def _chance(self, ratio: float) -> bool:
        return self.random.random() < ratio

    def _report(self, at: int, record: Deployment | Incident | Judgement) -> None:
        heapq.heappush(self.pending, (at, next(self.reports), Happening(at, record)))

    def _next_release(self, at: int) -> int:
        """The next moment of a release: seldom at night and at weekends, unless in haste."""
        while True:
            busy_ms = DAY_MS / self.service.releases_per_day * 0.35
            at += 1 + self._after(at, self.random.expovariate(1 / busy_ms))
            if at >= self.now_ms or self._chance(_presence(at)):
                return at

    def _after(self, at: int, ms: float) -> int:
        """Scales a duration by the demo's speed; the part after ``now_ms`` runs ``haste`` times as fast."""
        unhurried = min(ms, max(0, self.now_ms - at))
        return int(unhurried + (ms - unhurried) / self.haste)

    def _minutes(self, at: int, shortest: float, longest: float) -> int:
        return self._after(at, self.random.uniform(shortest, longest) * MINUTE_MS)

    def _release(self, at: int, day: float) -> None:
        release = self._written(at, self.random.choice((1, 1, 2, 2, 3, 5)))
        for unshipped in self.unshipped.values():
            unshipped.extend(release.commits)
        at = self._deployed(release, "development", at).finished_at
        at = self._deployed(release, "staging", at + self._minutes(at, 5, 90)).finished_at
        if self._chance(0.12):
            return
        at = max(at + self._minutes(at, 10, 600), self.production_free_at)
        previous, self.in_production = self.in_production, release
        deployment = self._deployed(release, "production", at)
        self.production_free_at = deployment.finished_at + self._minutes(at, 5, 30)
        failure_ratio = self.service.failure_ratio * (1 + self.service.failure_drift * day / 365)
        if self._chance(failure_ratio):
            self._fail(deployment, release, previous)
        elif self._chance(0.03):
            self._raise_false_alarm(deployment)
        elif self._chance(0.02):
            self._disturb(deployment.finished_at)

    def _written(self, at: int, commits: int, reverts: Commit | None = None) -> Release:
        """A release of new commits; the last one may revert an earlier one."""
        ages = sorted((self._age_ms() for _ in range(commits)), reverse=True)
        written = [Commit(self._sha(), at - age, self._subject()) for age in ages]
        if reverts:
            written[-1] = Commit(self._sha(), at - 10 * MINUTE_MS, f'Revert "{reverts.subject}"', reverts.sha)
        return Release(f"1.{next(self.releases)}.0", tuple(written))

    def _age_ms(self) -> int:
        return int(self.random.lognormvariate(math.log(self.service.lead_hours), 0.8) * _HOUR_MS) + MINUTE_MS

    def _subject(self) -> str:
        return f"{self.random.choice(_WORK)} {self.random.choice(_OBJECTS)}"

    def _sha(self) -> str:
        return f"{self.random.getrandbits(160):040x}"

    def _deployed(self, release: Release, environment: str, at: int) -> Deployment:
        """Reports the deployment of a release, which begins now and ships what has not been shipped there."""
        written = self.unshipped[environment]
        commits = tuple(commit for commit in written if commit.authored_at < at)
        self.unshipped[environment] = [commit for commit in written if commit.authored_at >= at]
        deployment = Deployment(
            made_up_id(self.random),
            self.service.name,
            environment,
            at,
            at + self._minutes(at, 2, 18),
            version=release.version,
            commit_sha=release.sha,
            repository=self.service.repository,
            team=self.service.team,
            commits=commits,
        )
        self._report(deployment.finished_at, deployment)
        return deployment

    def _fail(self, failed: Deployment, release: Release, previous: Release | None) -> None:
        """A failure in production: reported, remedied in one of three ways, sometimes judged by a person."""
        began = failed.finished_at + self._minutes(failed.finished_at, 1, 60)
        ended = began + self._restore_ms(began)
        remedy: Deployment | None = None
        kind: Literal["rollback", "rollforward"] = "rollback" if previous and self._chance(0.45) else "rollforward"
        if previous and kind == "rollback":
            remedy = self._deployed(previous, "production", ended)
            self.in_production = previous
        elif self._chance(0.65):
            fix = self._written(ended, 1, reverts=release.commits[-1])
            for unshipped in self.unshipped.values():
                unshipped.extend(fix.commits)
            remedy = self._deployed(fix, "production", ended)
            self.in_production = fix
        if remedy:
            ended = remedy.finished_at
        self.production_free_at = ended + self._minutes(ended, 5, 30)
        if not remedy or self._chance(0.8):
            self._suffer(began, ended, version=failed.version if self._chance(0.3) else None)
        if self._chance(0.25):
            verdict = Verdict(change_failure=True, remediation=Remediation(kind, id=remedy.id) if remedy else None)
            self._report(ended + self._minutes(ended, 10, 300), Judgement(failed.id, verdict))

    def _restore_ms(self, at: int) -> int:
        minutes = self.random.lognormvariate(math.log(self.service.restore_minutes), 0.7)
        return self._after(at, (1 + minutes) * MINUTE_MS)

    def _suffer(self, began: int, ended: int, *, version: str | None) -> None:
        """Reports an incident when it begins and when it ends; some come back before they end for good."""
        incident = Incident(
            made_up_id(self.random),
            self._services_affected(),
            "production",
            began,
            name=f"{self.service.name}: {self.random.choice(SYMPTOMS)}",
            severity=self.random.choice(("SEV-1", "SEV-2", "SEV-2", "SEV-3", "SEV-3", "SEV-3")),
            team=self.service.team,
            version=version,
        )
        self._report(began, incident)
        if self._chance(0.08):
            too_early = began + (ended - began) // 2
            self._report(too_early, replace(incident, finished_at=too_early))
            self._report(too_early + (ended - too_early) // 2, incident)
        self._report(ended, replace(incident, finished_at=ended))

    def _services_affected(self) -> tuple[str, ...]:
        affected = {self.service.name}
        if self._chance(0.12):
            affected.add(self.random.choice(self.neighbours).name)
        return tuple(sorted(affected))

    def _raise_false_alarm(self, deployment: Deployment) -> None:
        """An incident that turns out not to be the deployment's fault."""
        began = deployment.finished_at + self._minutes(deployment.finished_at, 5, 120)
        ended = began + self._minutes(began, 5, 40)
        self._suffer(began, ended, version=None)
        self._report(ended + self._minutes(ended, 5, 60), Judgement(deployment.id, Verdict(change_failure=False)))

    def _disturb(self, at: int) -> None:
        """Trouble that no deployment of the service brought: it names the team and no service."""
        began = at + self._minutes(at, 60, 600)
        name = self.random.choice(_TROUBLES)
        incident = Incident(
            made_up_id(self.random), (), "production", began, name=name, severity="SEV-3", team=self.service.team
        )
        self._report(began, incident)
        ended = began + self._minutes(began, 10, 240)
        self._report(ended, replace(incident, finished_at=ended))


def _presence(at: int) -> float:
    """The likelihood that people are at work at a moment: Monday to Friday during office hours, UTC."""
    weekday, hour = (at // DAY_MS + 3) % 7, at % DAY_MS // _HOUR_MS
    return 1.0 if weekday not in _WEEKEND and hour in _OFFICE_HOURS else 0.04
