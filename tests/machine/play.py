"""A random history: what happens next, told to the daemon and to the world alike."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from tests.machine.acts import (
    Act,
    Checkpoint,
    Compact,
    Crash,
    Defect,
    Delete,
    Fault,
    Find,
    Judge,
    JudgeVersion,
    Page,
    Reload,
    Restart,
    Send,
    SendMany,
    TurnClock,
)
from tests.machine.alert_groups import KINDS as GROUP_KINDS
from tests.machine.alert_groups import AlertGroup
from tests.machine.alerts import KINDS as ALERT_KINDS
from tests.machine.alerts import Alert
from tests.machine.developing import SHAS, Developer
from tests.machine.facts import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    RESERVED,
    YEAR_2000_MS,
    Deployed,
    Judged,
    Suffered,
    Terms,
    World,
)
from tests.machine.faults import STAGES
from tests.machine.flux import Reconcile
from tests.machine.gitops import HOWS, Correlate, Sync
from tests.machine.naming import SERVICES, spelled
from tests.machine.posting import KINDS as POST_KINDS
from tests.machine.posting import LAGS, Post
from tests.machine.random_terms import random_terms
from tests.machine.silence import Silence
from tests.machine.site import PAGED, SOURCES

ENVIRONMENTS = ("production", "staging")
TEAMS = ("crew", "squad", "guild")
VERSIONS = ("v1", "v2", "v3", "hotfix-1")
SEVERITIES = (None, None, "SEV-1", "sev-2", "minor", "odd")
VALUES: Sequence[tuple[str, ...]] = (
    (),
    ("customer:acme",),
    ("customer:", "tier:1", "customer:beta:2", "customer:acme"),
    ("tier:2", "customer:zeta"),
    ("Customer:acme", "customer:_other"),
)
APPS = ("cart", "web")
FOLDERS = ((), (), (("cart", "apps"),), (("cart", "libs"), ("checkout", "apps")))

_Event = TypeVar("_Event", Deployed, Suffered)


class Player:
    """Makes a history up, act by act, from a seed."""

    def __init__(self, seed: str) -> None:
        """The same seed makes the same history."""
        self.chance = random.Random(seed)
        self.world = World()
        self.with_git = self.chance.random() < 0.25
        self.world.graph.most = self.chance.choice([5000, 5000, 2, 3])
        self._with_values = self.chance.random() < 0.5
        self._with_names = self.chance.random() < (0.2 if self.with_git else 0.5)
        self._folders = self.chance.choice(FOLDERS) if self.with_git and not self._with_names else ()
        self.terms = self._random_terms()
        self._developer = Developer(self.chance, self.world, self._moment)
        self._troubled = self.chance.choice([10, 10, 30])
        self._crowd = self.chance.choice([1, 1, 2, 3] if self.with_git else [1, 1, 2, 6])

    def next(self, now: int) -> Act:
        """What happens next."""
        choices: list[tuple[int, Callable[[int], Act]]] = [
            (30, self._send_deployment),
            (self._troubled, self._send_incident),
            (8, self._find),
            (6, self._page),
            (6, self._alert),
            (5, self._silence),
            (5, self._sync),
            (4, self._reconcile),
            (3, self._correlate),
            (5, self._alert_group),
            (6, self._post),
            (6, self._judge),
            (3, self._judge_version),
            (6, self._delete),
            (8, self._turn_clock),
            (4, self._send_many),
            (2, lambda _: Restart()),
            (2, lambda _: Crash(self.chance.choice([b"", b"", b'{"crc": "0', b"\x00\x00"]))),
            (1, lambda _: Compact()),
            (3, lambda _: Checkpoint()),
            (2, lambda _: Fault(self.chance.choice(list(STAGES)), self.chance.choice([0, 0, 1, 5]))),
            (1, lambda _: Defect(self._line())),
            (3, lambda _: Reload(self._random_terms())),
        ]
        if self.with_git:
            choices += [(70, self._developer.commit), (110, self._send_deployment)]
            choices += [(60, self._developer.upload)] if self._developer.uploads else []
        act = self.chance.choices([act for _, act in choices], [weight for weight, _ in choices])[0](now)
        self.terms = act.terms if isinstance(act, Reload) else self.terms
        return act

    def _send_deployment(self, now: int) -> Act:
        return Send(
            self._refusable(self._deployment(now)), with_id=self._often(), without_environment=not self._often()
        )

    def _send_incident(self, now: int) -> Act:
        path = self.chance.choice(["failure", "incident"])
        return Send(
            self._refusable(self._incident(now)),
            with_id=self._often(),
            path=path,
            without_environment=not self._often(),
        )

    def _refusable(self, event: _Event) -> _Event:
        """Seldom an event with a name that is reserved, or from before there can be any."""
        if self.chance.random() > 0.04:
            return event
        kind = self.chance.choice(["time", "team", "environment"])
        if kind == "time":
            return replace(event, started_at=YEAR_2000_MS - 1)
        return replace(event, team=RESERVED) if kind == "team" else replace(event, environment=RESERVED)

    def _often(self) -> bool:
        return self.chance.random() < 0.8

    def _send_many(self, now: int) -> Act:
        kinds = self.chance.choices(["deployment", "incident"], [2, 1], k=5)
        return SendMany(
            tuple(
                self._refusable(self._deployment(now)) if kind == "deployment" else self._refusable(self._incident(now))
                for kind in kinds
            )
        )

    def _find(self, now: int) -> Act:
        source = self.chance.choice(SOURCES)
        ids = [f"{source}:{number}" for number in range(4)]
        new = replace(
            self._deployment(now), id=self.chance.choice(ids), source=source, tags=(), further=(), outcome=None
        )
        if self.chance.random() < 0.05:
            new = self.chance.choice(
                [replace(new, service=RESERVED), replace(new, environment=RESERVED), replace(new, team=RESERVED)]
            )
        early = min(new.finished_at, now)
        found = self._judgement(ids, by_version=False)
        return Find(
            replace(
                new,
                started_at=min(new.started_at, early),
                finished_at=early,
                commits=new.commits or None,
                found=found,
            )
        )

    def _page(self, now: int) -> Act:
        what = self.chance.choice(["trigger", "trigger", "resolve", "resolve", "reopen", "move", "merge", "prioritise"])
        return Page(
            what,
            self.chance.choice(list(PAGED)[: self._crowd]),
            self.chance.randrange(8),
            self.chance.choice(SEVERITIES) if what == "prioritise" else None,
        )

    def _alert(self, now: int) -> Act:
        service, environment = self._line()
        named = {
            "service": service,
            "environment": environment,
            "team": self.chance.choice([*TEAMS, RESERVED]),
            "severity": self.chance.choice(SEVERITIES) or "high",
        }
        told = self.chance.choice(
            [("service", "environment"), ("service", "severity"), ("team", "environment"), tuple(named)]
        )
        what = self.chance.choice(ALERT_KINDS)
        return Alert(
            what=what,
            fingerprint=self.chance.choice(["a1", "b2"]),
            labels=() if what == "end" and self.chance.random() < 0.3 else tuple((each, named[each]) for each in told),
            lag_ms=self._length(),
            says_beginning=self._often(),
            times=self.chance.choice([1, 1, 2]),
        )

    def _sync(self, _now: int) -> Act:
        how = self.chance.choice(HOWS)
        line = self._line() if self.chance.random() < 0.7 else None
        tag = self.chance.choice(VERSIONS)
        return Sync(self.chance.choice(APPS), how, line, tag, (self._length(), self._length()))

    def _reconcile(self, _now: int) -> Act:
        app = self.chance.choice(APPS)
        image = f"registry.example/shop/{app}:{self.chance.choice(VERSIONS)}"
        fails = self.chance.random() < 0.3
        return Reconcile(app, self.chance.randrange(3), fails, self._line(), image, self._length())

    def _correlate(self, _now: int) -> Act:
        """Of an image or of a configuration, perhaps of one that is not deployed yet."""
        app, made = self.chance.choice(APPS), list(self.world.graph.homes)
        image = f"registry.example/shop/{app}:{self.chance.choice(VERSIONS)}"
        key = self.chance.choice([image, image, f"{self.chance.randrange(4):x}".rjust(40, "c")])
        sha = self.chance.choice(made if made and self._often() else SHAS)
        return Correlate(key, self.world.graph.homes.get(sha, "git.example/shop/other"), sha)

    def _silence(self, _now: int) -> Act:
        away, gap = self.chance.choice([0, 0, HOUR_MS]), self.chance.choice([1, 4, 5, 6]) * MINUTE_MS
        return Silence(away, self.chance.choice([1, 3, 4, 6]), gap)

    def _post(self, _now: int) -> Act:
        service, environment = self._line()
        return Post(
            tuple(self.chance.choices(POST_KINDS, k=self.chance.randint(1, 4))),
            self.chance.randrange(2),
            self.chance.choice([(service,), (service,), (service, self._line()[0]), (RESERVED,)]),
            environment,
            self.chance.choice([None, None, *TEAMS, RESERVED]),
            self.chance.choice(LAGS),
            again=self._often(),
        )

    def _alert_group(self, now: int) -> Act:
        what, group = self.chance.choice(GROUP_KINDS), self.chance.choice(["{a}", "{b}"])
        team = self.chance.choice([None, *TEAMS])
        return AlertGroup(what, group, self._line(), team, lag_ms=self._length())

    def _judge(self, now: int) -> Act:
        ids = sorted(self.world.deployments)
        return Judge(self.chance.choice([*ids, "nobody-knows-this"]), self._judgement(ids, by_version=True))

    def _judge_version(self, now: int) -> Act:
        said = self._judgement(sorted(self.world.deployments), by_version=True)
        return JudgeVersion(self._line(), self.chance.choice(VERSIONS), said)

    def _delete(self, now: int) -> Act:
        kind, held = self.chance.choice(
            [("deployment", sorted(self.world.deployments)), ("failure", sorted(self.world.incidents))]
        )
        return Delete(kind, self.chance.choice(held or ["nobody-knows-this"]))

    def _turn_clock(self, now: int) -> Act:
        ms = self.chance.choice([1, MINUTE_MS, HOUR_MS, DAY_MS, 3 * DAY_MS, -1, -HOUR_MS, -DAY_MS])
        return TurnClock(ms, is_set=ms < 0 or self.chance.random() < 0.3)

    def _line(self) -> tuple[str, str]:
        """Mostly one of few series: links form within a series."""
        lines = [(service, each) for service in SERVICES for each in ENVIRONMENTS]
        line = self.chance.choice(lines[: self._crowd])
        return spelled(self.chance, line) if self._with_names else line

    def _moment(self, now: int) -> int:
        borders = [0, *(length for _, length in self.terms.windows), self.terms.retention_ms]
        kind = self.chance.random()
        if kind < 0.15:
            return now - self.chance.choice(borders) + self.chance.choice([-1, 0, 1])
        if kind < 0.75:
            return now - self.chance.randrange(48) * HOUR_MS // 2
        if kind < 0.9:
            return now - self.chance.randrange(40) * DAY_MS
        return now + self.chance.randrange(-2, 12) * MINUTE_MS

    def _length(self) -> int:
        return self.chance.choice([0, 0, 1, 1001, MINUTE_MS, HOUR_MS, 2 * HOUR_MS - 1, DAY_MS])

    def _deployment(self, now: int) -> Deployed:
        service, environment = self._line()
        finished_at = now if self.with_git and self.chance.random() < 0.8 else self._moment(now)
        version = self.chance.choice([*VERSIONS, *VERSIONS, None])
        sha, repository = None, None
        if self.chance.random() < 0.3:
            sha, repository = self.chance.choice(SHAS), "git.example/shop/other"
        commits = self._developer.listed(now) if self.chance.random() < 0.5 else None
        deployed = self._developer.deployed()
        if deployed is not None and self.chance.random() < 0.8:
            sha, repository = deployed
            commits = commits if self.chance.random() < 0.2 else None
            if self.chance.random() < 0.1:
                sha = self.chance.choice(SHAS)  # which nobody has
        return Deployed(
            id=f"deployment-{self.chance.randrange(12):06}",
            service=service,
            environment=environment,
            started_at=finished_at - self._length(),
            finished_at=finished_at,
            version=version,
            sha=sha,
            repository=repository,
            team=self.chance.choice([None, None, *TEAMS]),
            tags=self.chance.choice([(), (), (), ("fixes:v1",), ("fixes:v2", "colour:blue")]) + self._values(),
            commits=commits,
            further=self._developer.further(repository),
            outcome=self.chance.choice([*[None] * 7, "failed", "canceled"]),
        )

    def _values(self) -> tuple[str, ...]:
        """Tags that are values of dimensions, in some histories."""
        return self.chance.choice(VALUES) if self._with_values else ()

    def _incident(self, now: int) -> Suffered:
        service, environment = self._line()
        started_at = self._moment(now)
        services: tuple[str, ...] = (service,)
        team = self.chance.choice([None, None, *TEAMS])
        if self._crowd > 2 and self.chance.random() < 0.3:
            services = tuple(sorted(self.chance.sample(SERVICES, 2)))
        if team is not None and self.chance.random() < 0.2:
            services = ()
        end = self.chance.choice(["open", "after", "after", "now"])
        finished_at = {"open": None, "after": started_at + self._length(), "now": max(started_at, now)}[end]
        version, sha = self.chance.choice([(None, None)] * 4 + [("v1", None), ("v2", None), (None, SHAS[0])])
        new = Suffered(
            id=f"incident-{self.chance.randrange(7):07}",
            services=services,
            environment=environment,
            started_at=started_at,
            finished_at=finished_at,
            team=team,
            version=version,
            sha=sha,
            severity=self.chance.choice(SEVERITIES),
            tags=self._values(),
        )
        return self._again(new) if self.chance.random() < 0.4 else new

    def _again(self, new: Suffered) -> Suffered:
        """An incident like one that is over, which begins about when it would still be that one."""
        over = [each for each in self.world.incidents.values() if each.finished_at and (each.services or each.team)]
        if not over:
            return new
        last = self.chance.choice(over)
        within = self.terms.reopened_within_ms or HOUR_MS
        began = (last.finished_at or 0) + self.chance.choice([-1, 0, 1, MINUTE_MS, within, within, within + 1])
        end = None if new.finished_at is None else began + new.finished_at - new.started_at
        return replace(
            new,
            services=last.services,
            environment=last.environment,
            team=last.team,
            started_at=began,
            finished_at=end,
        )

    def _judgement(self, ids: Sequence[str], *, by_version: bool) -> Judged | None:
        kind = self.chance.randrange(6)
        if kind < 2:
            return None
        if kind == 2:
            return Judged(failed=False)
        if kind == 3 or not ids:
            return Judged(failed=True)
        if kind == 4 and by_version:
            return Judged(failed=True, remedy_version=self.chance.choice(VERSIONS))
        return Judged(failed=True, remedy_id=self.chance.choice(ids))

    def _random_terms(self) -> Terms:
        return random_terms(
            self.chance, with_names=self._with_names, with_values=self._with_values, folders=self._folders
        )


class CalmPlayer(Player):
    """Makes up what can happen to a daemon whose clock is the real one: all of it hours away from every border."""

    def next(self, now: int) -> Act:
        """What happens next."""
        acts: list[Callable[[int], Act]] = [self._send_deployment, self._send_incident, self._send_many]
        acts += [self._judge, self._judge_version, self._delete, self._end]
        return self.chance.choices(acts, [30, 10, 10, 6, 3, 6, 6])[0](now)

    def _end(self, _now: int) -> Act:
        ends: list[Act] = [Restart(), Crash(), Crash(), Crash(b'{"crc": "0')]
        return self.chance.choice(ends)

    def _moment(self, now: int) -> int:
        return (now // HOUR_MS - self.chance.randrange(200)) * HOUR_MS - 17 * MINUTE_MS - self.chance.randrange(3)
