"""What the machine knows to be true: the events as they were said, and the settings by which they count."""

from dataclasses import dataclass, field, replace

from tests.machine.graph import Change, Found, Graph
from tests.oracle.naming import Naming

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
YEAR_2000_MS = 946_684_800_000
RESERVED = "_other"
RENAMED = "_other_"

NO_NAMES = Naming()

Line = tuple[str, str]
"""A service and an environment: the unit of every number."""


def freed(name: str) -> str:
    """What the name that is reserved becomes where a source gives it."""
    return RENAMED if name == RESERVED else name


@dataclass(frozen=True)
class Judged:
    """That somebody said whether a deployment failed, and by what it was remedied."""

    failed: bool
    remedy_id: str | None = None
    remedy_version: str | None = None

    @property
    def names_a_remedy(self) -> bool:
        """Whether a remedy was named at all."""
        return self.remedy_id is not None or self.remedy_version is not None


@dataclass(frozen=True)
class Deployed:
    """A deployment.

    ``commits`` is None where the sender gave none; ``said`` is a verdict, ``found`` the source's, and ``reports`` are
    the ids of its other reports. ``further`` are the repositories and SHAs that it names beside its own.
    """

    id: str
    service: str
    environment: str
    started_at: int
    finished_at: int
    version: str | None = None
    sha: str | None = None
    repository: str | None = None
    team: str | None = None
    source: str = "api"
    tags: tuple[str, ...] = ()
    commits: tuple[Change, ...] | None = None
    said: Judged | None = None
    found: Judged | None = None
    reports: tuple[str, ...] = ()
    further: tuple[tuple[str, str], ...] = ()
    outcome: str | None = None
    """What became of an attempt that did not succeed: it is no deployment."""

    keys: tuple[str, ...] = ()
    """The image and the commit of a configuration by which its commit may be told."""

    @property
    def checkouts(self) -> dict[str | None, str | None]:
        """The commit that it names of each repository; the first is what runs."""
        return {self.repository: self.sha, **dict(self.further)}

    def place(self, repository: str | None) -> tuple[object, ...]:
        """What Git is asked of it: another question where its commit or its place among others is another one."""
        return self.id, self.line, self.order, repository, self.checkouts.get(repository)

    @property
    def line(self) -> Line:
        """Its series."""
        return self.service, self.environment

    @property
    def order(self) -> tuple[int, int, str]:
        """Its place in the order of finish."""
        return self.finished_at, self.started_at, self.id

    @property
    def judged(self) -> Judged | None:
        """The verdict in force: a person's, else the source's."""
        return self.said or self.found


@dataclass(frozen=True)
class Suffered:
    """An incident; ``finished_at`` is None while it is open."""

    id: str
    services: tuple[str, ...]
    environment: str
    started_at: int
    finished_at: int | None = None
    team: str | None = None
    version: str | None = None
    sha: str | None = None
    source: str = "api"
    severity: str | None = None
    tags: tuple[str, ...] = ()
    is_merged: bool = False
    level: str | None = None
    """The severity by which it counts, where severities are configured."""

    @property
    def lines(self) -> tuple[Line, ...]:
        """The series that it names."""
        return tuple((service, self.environment) for service in self.services)


@dataclass(frozen=True)
class Rule:
    """A configured rule: what it looks for, in which words that is written, and for whom it holds.

    ``pattern`` is what the daemon is told; ``word`` is how the machine finds it: a prefix, whatever its case.
    With ``names_version`` what follows the prefix is the version that failed.
    """

    name: str
    pattern: str
    word: str
    where: tuple[str, ...]
    names_version: bool = False
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()

    def holds_for(self, line: Line) -> bool:
        """Whether it is in force for a series."""
        return _is_among(line[0], self.services) and _is_among(line[1], self.environments)


@dataclass(frozen=True)
class Scope:
    """Whether a kind of detection is on, and for whom."""

    is_on: bool = True
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()

    def holds_for(self, line: Line) -> bool:
        """Whether it is in force for a series."""
        return self.is_on and _is_among(line[0], self.services) and _is_among(line[1], self.environments)


def _is_among(name: str, names: tuple[str, ...]) -> bool:
    return not names or name in names


@dataclass(frozen=True)
class Group:
    """A group of services and teams."""

    name: str
    parent: str | None = None
    services: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


@dataclass(frozen=True)
class Terms:
    """The settings that decide numbers."""

    windows: tuple[tuple[str, int], ...] = (("1d", DAY_MS), ("7d", 7 * DAY_MS))
    retention_ms: int = 30 * DAY_MS
    attribution_limit_ms: int | None = 7 * DAY_MS
    merge_within_ms: int = 30 * MINUTE_MS
    series_limit: int = 10
    team_of: tuple[tuple[str, str], ...] = ()
    rollback: Scope = Scope()
    revert: Scope = Scope()
    rules: tuple[Rule, ...] = ()
    edition: str = "2024"
    default_environment: str = "none"
    excluded_authors: tuple[str, ...] = ()
    resolve_for_ms: int = 7 * DAY_MS
    folders: tuple[tuple[str, str], ...] = ()
    """The folder of each service that has one of its own in every repository."""

    names: Naming = NO_NAMES
    groups: tuple[Group, ...] = ()
    minimum_ms: int = 0
    reopened_within_ms: int | None = None
    stale_after_ms: int | None = None
    dimensions: tuple[str, ...] = ()
    values_limit: int = 50
    severities: tuple[tuple[str, int], ...] = ()
    unknown_severity: int | None = None
    counted_severities: tuple[int | str, ...] = (1, 2, 3, 4, 5)

    def team_for(self, service: str) -> str | None:
        """The team that is configured for a service."""
        return dict(self.team_of).get(service)

    def groups_for(self, service: str | None, team: str | None) -> tuple[str, ...]:
        """The group of a service, else that of its team, and all above it."""
        found = [each for each in self.groups if service in each.services] or [
            each for each in self.groups if team in each.teams
        ]
        way = found[:1]
        while way and way[-1].parent is not None:
            way += [each for each in self.groups if each.name == way[-1].parent]
        return tuple(each.name for each in way)


@dataclass
class World:
    """Everything that was acknowledged, and nothing else.

    ``seen`` are series and teams in the order in which they appeared, ``buried`` polled items that somebody deleted,
    ``droppable`` events that were too old to count when that was looked for, and ``past`` those of them that are gone,
    in the order in which they went: what came after them stays what it was, and was not the first with Git data.
    ``found`` is what Git said of deployments, by their places. ``derived`` are the ids of events that were sent
    without.
    ``beginnings`` are all that were told of the alert of an incident, ``unfired`` those of which only an end was told.
    ``correlated`` are the repository and the commit that were told of images and configurations.
    ``told`` is when an incident was told of last, as far as that was noted, ``stale`` are those that ended in silence.
    """

    deployments: dict[str, Deployed] = field(default_factory=dict)
    incidents: dict[str, Suffered] = field(default_factory=dict)
    buried: set[str] = field(default_factory=set)
    seen: dict[tuple[str, str, str], None] = field(default_factory=dict)
    droppable: set[str] = field(default_factory=set)
    past: list[Deployed] = field(default_factory=list)
    found: dict[tuple[object, ...], Found] = field(default_factory=dict)
    derived: dict[tuple[object, ...], str] = field(default_factory=dict)
    graph: Graph = field(default_factory=Graph)
    beginnings: dict[str, set[int]] = field(default_factory=dict)
    unfired: set[tuple[str, int]] = field(default_factory=set)
    correlated: dict[str, tuple[str, str]] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)

    def take(self, new: Deployed | Suffered) -> None:
        """An event was taken."""
        self.droppable.discard(new.id)
        if isinstance(new, Deployed):
            self.deploy(new)
        else:
            self.suffer(new)

    def deploy(self, new: Deployed) -> None:
        """A report of a deployment was taken: it replaces the one of that id, but a verdict stays."""
        if new.source != "api" and new.id in self.buried:
            return
        self.buried.discard(new.id)
        held = self.deployments.get(new.id)
        if held is not None:
            # A commit stays with what it was told of, whatever its image stands for by now.
            has_commit = new.keys and new.sha is None and held.sha is not None and new.version == held.version
            new = replace(new, said=held.said)
            new = replace(new, repository=held.repository, sha=held.sha) if has_commit else new
        self.deployments[new.id] = self.with_commit(new)
        self._see(new)

    def with_commit(self, report: Deployed) -> Deployed:
        """One that names no commit has the one that was told of its image, else of its configuration."""
        told = [self.correlated[key] for key in report.keys if key in self.correlated]
        if report.sha is not None or not told:
            return report
        return replace(report, repository=told[0][0], sha=told[0][1])

    def suffer(self, new: Suffered) -> None:
        """A report of an incident was taken."""
        if new.source != "api" and new.id in self.buried:
            return
        self.buried.discard(new.id)
        self.incidents[new.id] = new
        self._see(new)

    def _see(self, new: Deployed | Suffered) -> None:
        """Notes which series and teams appear first."""
        for line in (new.line,) if isinstance(new, Deployed) else new.lines:
            self.seen.setdefault(("series", *line))
        if new.team is not None:
            self.seen.setdefault(("team", new.team, new.environment))

    def judge(self, id_: str, said: Judged | None) -> None:
        """A verdict was taken."""
        self.deployments[id_] = replace(self.deployments[id_], said=said)

    def drop(self, id_: str) -> None:
        """An event that was too old to count is kept no longer."""
        self.incidents.pop(id_, None)
        gone = self.deployments.pop(id_, None)
        if gone is not None and gone.outcome is None:
            self.past.append(gone)
        self.droppable.discard(id_)

    def beside(self, report: Deployed, *, forgot: int = 0) -> list[Deployed]:
        """The reports of its series in order of finish, but for so many that were dropped first."""
        known = (*self.past[forgot:], *(each for each in self.deployments.values() if each.outcome is None))
        return sorted((each for each in known if each.line == report.line), key=lambda each: each.order)

    def delete(self, id_: str) -> None:
        """An event was deleted; a source may not bring it back."""
        gone = self.deployments.pop(id_, None) or self.incidents.pop(id_, None)
        if gone is not None and gone.source != "api":
            self.buried.add(id_)
