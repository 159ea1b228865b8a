"""Every gauge by its definition, computed from what the machine knows and from nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tests.machine.counting import (
    attempts,
    counted,
    has_come,
    is_open,
    lines_of,
    teams_of,
    tree_groups_of,
    troubles,
)
from tests.machine.dimensions import FAMILIES, labelled, labels_of, values_of
from tests.machine.facts import DAY_MS, Deployed, Line, Suffered, Terms, World
from tests.machine.graph import Change
from tests.machine.judging import CAUSES, SKEW_MS, Court, Outcome
from tests.machine.levels import levels
from tests.machine.naming import by_name, line_of, named
from tests.machine.outages import outages, why_not
from tests.machine.tallying import of_commits

Sample = tuple[str, frozenset[tuple[str, str]]]
"""A family's name and its labels."""

OTHER = "_other"
OF_VALUES = "dora_dimension_"


@dataclass(frozen=True)
class Trouble:
    """An incident as a series, or a team, sees it."""

    incident: Suffered
    is_attributed: bool


class Oracle:
    """The numbers of a world at a moment."""

    def __init__(self, world: World, terms: Terms, now: int) -> None:
        """Judges every series."""
        terms = by_name(terms)
        self.terms = terms
        self.now = now
        self._sent = world
        self._world = world = named(world, terms.names)
        self._seen = list(world.seen)
        self.deployments = counted(world.deployments.values(), terms, now)
        self.attempts = attempts(world.deployments.values(), terms, now)
        self.incidents = troubles(world.incidents.values(), terms, now)
        self.events: list[Deployed | Suffered] = [*self.deployments, *self.attempts, *self.incidents]
        self.counting = outages(self.incidents, terms, now)
        self.rollups = {
            kind: {(name, each.environment) for each in self.events for name in self._rollups_of(kind, each)}
            for kind in ("team", "group", "dimension")
        }
        self.known = {line for each in self.events for line in lines_of(each)}
        self.courts = {
            line: Court(
                line,
                [each for each in self.deployments if each.line == line and has_come(each, now)],
                [each for each in self.counting if line in each.lines],
                world=world,
                terms=terms,
                now=now,
            )
            for line in self.known
        }
        self.outcomes = {line: court.outcomes() for line, court in self.courts.items()}
        self._values = self._labelled_values()

    def samples(self) -> dict[Sample, float]:
        """All families of all series and teams, and what the daemon tells of itself."""
        return self.of_events() | dict(self._of_the_daemon())

    def of_events(self) -> dict[Sample, float]:
        """All families of all series and teams."""
        rollups = [sample for kind in self.rollups for sample in self._of_rollups(kind)]
        return dict(self._of_series()) | dict(rollups)

    def label_of(self, line: Line) -> Line:
        """The labels of a series: its own, or those of the rest where too many appeared before it."""
        known = [(service, environment) for kind, service, environment in self._seen if kind == "series"]
        kept = [each for each in known if each in self.known][: self.terms.series_limit]
        return line if line in kept else (OTHER, OTHER)

    def sent_as(self, line: Line) -> list[Line]:
        """The names of a series: its own, and those that it was sent with."""
        sent = [each[1:] for each in self._sent.seen if each[0] == "series"]
        return [line, *(each for each in sent if line_of(each, self.terms.names) == line)]

    def rollup_label_of(self, kind: str, rollup: Line) -> Line:
        """The labels of a team or a group in an environment; it appears with its first service or team."""
        if kind == "dimension":
            return self._values[rollup]
        appeared: dict[Line, int] = {}
        for place, (what, name, environment) in enumerate(self._seen):
            team = name if what == "team" else self.terms.team_for(name)
            within: list[str | None] = [team]
            if kind == "group":
                service = name if what == "series" else None
                within = [*self.terms.groups_for(service, None), *self.terms.groups_for(None, team)]
            for each in within:
                if each is not None:
                    appeared.setdefault((each, environment), place)
        known = self.rollups[kind]
        kept = sorted(known, key=lambda each: (appeared.get(each, len(self._seen)), each))[: self.terms.series_limit]
        return rollup if rollup in kept else (OTHER, OTHER)

    def _rollups_of(self, kind: str, each: Deployed | Suffered) -> set[str]:
        belonging = {"team": teams_of, "group": tree_groups_of, "dimension": values_of}
        return belonging[kind](each, self.terms)

    def _labelled_values(self) -> dict[Line, Line]:
        """The names of the values of dimensions: by their first events that count."""
        deployed = [outcome.deployment for outcomes in self.outcomes.values() for outcome in outcomes]
        tried = [each for each in self.attempts if has_come(each, self.now)]
        events: list[Deployed | Suffered] = [*deployed, *tried, *self.counting]
        first: dict[str, int] = {}
        for each in events:
            at = each.finished_at if isinstance(each, Deployed) else each.started_at
            first |= {value: min(at, first.get(value, at)) for value in values_of(each, self.terms)}
        environments = [environment for _, _, environment in self._seen]
        return labelled(self.rollups["dimension"], first, environments, self.terms)

    def troubles_of(self, line: Line) -> list[Trouble]:
        """The incidents of a series that have begun."""
        court = self.courts[line]
        return [Trouble(each, court.attributed(each) is not None) for each in court.incidents]

    @property
    def ignores_deployments(self) -> bool:
        """Whether some are held that count nowhere: what was found out of their commits before is kept with them."""
        return len(self._world.deployments) < len(self._sent.deployments)

    def not_counting(self, kind: str, name: Line) -> dict[str, str]:
        """Why incidents of a series, a team or a group do not count, by their ids."""
        mine = {
            each.id
            for each in self.incidents
            if (kind == "service" and name in each.lines)
            or (kind != "service" and name[1] == each.environment and name[0] in self._rollups_of(kind, each))
        }
        return {id_: why for id_, why in why_not(self.incidents, self.terms, self.now).items() if id_ in mine}

    def _of_series(self) -> Iterator[tuple[Sample, float]]:
        for label in {self.label_of(line) for line in self.known}:
            lines = [line for line in self.known if self.label_of(line) == label]
            labels = {"service": label[0], "environment": label[1]}
            outcomes = [each for line in lines for each in self.outcomes[line]]
            incidents = [each for line in lines for each in self.troubles_of(line)]
            tried = [each for line in lines for each in self.attempts_of(line)]
            yield from self._families("dora_", labels, outcomes, incidents, tried)
            yield from self._of_sources(labels, outcomes, incidents, tried)
            if label[0] != OTHER and outcomes:
                latest = max((each.deployment for each in outcomes), key=lambda each: each.order)
                info = {"team": "".join(teams_of(latest, self.terms)), "repository": latest.repository or ""}
                yield _sample("dora_service_info", labels | info), 1.0

    def _of_the_daemon(self) -> Iterator[tuple[Sample, float]]:
        """What it tells of itself. That gauges are missing is not told: none are."""
        for kind, held in (("deployment", self._sent.deployments), ("incident", self._sent.incidents)):
            yield _sample("dora_exporter_events_held", {"kind": kind}), len(held)
        dropped = sum(each.dropped for outcomes in self.outcomes.values() for each in outcomes)
        yield _sample("dora_exporter_lead_time_commits_dropped", {"cause": "negative"}), dropped
        reports = {**self._sent.deployments, **self._world.deployments}.values()
        for name, labels, value in of_commits(reports, self._world, self.terms):
            yield _sample(name, labels), value
        yield _sample("dora_exporter_broken_series", {}), 0
        folded = [self.label_of(each) for each in self.known].count((OTHER, OTHER))
        yield _sample("dora_exporter_series", {}), len(self.known)
        yield _sample("dora_exporter_series_folded", {}), folded
        teams = self.rollups["team"]
        folded = [self.rollup_label_of("team", each) for each in teams].count((OTHER, OTHER))
        yield _sample("dora_exporter_teams", {}), len(teams)
        yield _sample("dora_exporter_teams_folded", {}), folded

    def _of_rollups(self, kind: str) -> Iterator[tuple[Sample, float]]:
        """All families of all teams, or of all groups."""
        known = {each: self.rollup_label_of(kind, each) for each in self.rollups[kind]}
        for label in {*known.values()}:
            outcomes: list[Outcome] = []
            incidents: list[Trouble] = []
            tried: list[Deployed] = []
            for rollup in [each for each in known if known[each] == label]:
                outcomes += self.outcomes_in(kind, rollup)
                incidents += self.troubles_in(kind, rollup)
                tried += self.attempts_in(kind, rollup)
            families = self._families(f"dora_{kind}_", labels_of(kind, label), outcomes, incidents, tried)
            yield from (
                each for each in families if kind != "dimension" or each[0][0].removeprefix(OF_VALUES) in FAMILIES
            )

    def attempts_of(self, line: Line) -> list[Deployed]:
        """The attempts of a series that have ended."""
        return [each for each in self.attempts if each.line == line and has_come(each, self.now)]

    def attempts_in(self, kind: str, rollup: Line) -> list[Deployed]:
        """The attempts of a team or a group that have ended."""
        name, environment = rollup
        return [
            each
            for each in self.attempts
            if each.environment == environment and name in self._rollups_of(kind, each) and has_come(each, self.now)
        ]

    def outcomes_in(self, kind: str, rollup: Line) -> list[Outcome]:
        """The deployments of a team or a group, each as its series judges it."""
        name, environment = rollup
        return [
            each
            for line in self.known
            if line[1] == environment
            for each in self.outcomes[line]
            if name in self._rollups_of(kind, each.deployment)
        ]

    def troubles_in(self, kind: str, rollup: Line) -> list[Trouble]:
        """The incidents of a team or a group: each once, and attributed if it is in any of its services."""
        name, environment = rollup
        return [
            Trouble(each, any(self.courts[line].attributed(each) is not None for line in each.lines))
            for each in self.counting
            if each.environment == environment and name in self._rollups_of(kind, each)
        ]

    def _families(
        self,
        prefix: str,
        labels: dict[str, str],
        outcomes: Sequence[Outcome],
        incidents: Sequence[Trouble],
        tried: Sequence[Deployed],
    ) -> Iterator[tuple[Sample, float]]:
        still_open = [each.incident.started_at for each in incidents if is_open(each.incident, self.now)]
        yield _sample(prefix + "open_incidents", labels), len(still_open)
        if still_open:
            yield _sample(prefix + "oldest_open_incident_timestamp_seconds", labels), min(still_open) / 1000
        if outcomes:
            last = max(each.deployment.finished_at for each in outcomes)
            yield _sample(prefix + "last_deployment_timestamp_seconds", labels), last / 1000
        moments = [each.deployment.finished_at for each in outcomes] + [each.finished_at for each in tried]
        moments += [each.incident.started_at for each in incidents]
        if moments:
            yield _sample(prefix + "first_event_timestamp_seconds", labels), min(moments) / 1000
        for text, length_ms in self.terms.windows:
            values = {}
            for name, more, value in attempted(outcomes, tried, self.now, length_ms):
                yield _sample(prefix + name, labels | more | {"window": text}), value
            for name, more, value in windowed(outcomes, incidents, self.now, length_ms):
                yield _sample(prefix + name, labels | more | {"window": text}), value
                values[name, more.get("statistic", "")] = value
            for metric, level in levels(self.terms.edition, values).items():
                yield _sample(prefix + "performance_level", labels | {"metric": metric, "window": text}), level

    def _of_sources(
        self,
        labels: dict[str, str],
        outcomes: Sequence[Outcome],
        incidents: Sequence[Trouble],
        tried: Sequence[Deployed],
    ) -> Iterator[tuple[Sample, float]]:
        moments: dict[str, list[int]] = {}
        for attempt in tried:
            moments.setdefault(attempt.source, []).append(attempt.finished_at)
        for outcome in outcomes:
            moments.setdefault(outcome.deployment.source, []).append(outcome.deployment.finished_at)
        for trouble in incidents:
            mine = moments.setdefault(trouble.incident.source, [])
            mine.append(trouble.incident.started_at)
            if trouble.incident.finished_at is not None and trouble.incident.finished_at <= self.now:
                mine.append(trouble.incident.finished_at)
        for source, each in moments.items():
            yield _sample("dora_last_event_timestamp_seconds", labels | {"source": source}), max(each) / 1000


def attempted(
    outcomes: Sequence[Outcome], tried: Sequence[Deployed], now: int, length_ms: int
) -> Iterator[tuple[str, dict[str, str], float]]:
    """The family of attempts: deployments succeeded."""
    ended = [("succeeded", each.deployment.finished_at) for each in outcomes]
    ended += [(each.outcome or "", each.finished_at) for each in tried]
    for outcome in ("succeeded", "failed", "canceled"):
        count = sum(how == outcome and now - length_ms < at <= now for how, at in ended)
        yield "deployment_attempts", {"outcome": outcome}, count


def windowed(
    outcomes: Sequence[Outcome], incidents: Sequence[Trouble], now: int, length_ms: int
) -> Iterator[tuple[str, dict[str, str], float]]:
    """The families that are about a window."""

    def within(moment: int | None) -> bool:
        return moment is not None and now - length_ms < moment <= now

    deployed = [each for each in outcomes if within(each.deployment.finished_at)]
    failed = [each for each in deployed if each.cause is not None]
    rework = [each for each in deployed if each.is_rework]
    recovered = [each.recovery[1] for each in outcomes if each.recovery is not None and within(each.recovery[0])]
    begun = [each for each in incidents if within(each.incident.started_at)]
    over = [each for each in incidents if within(each.incident.finished_at)]
    restored = [_length(each) for each in over]
    samples = [value for each in deployed for _, value in each.samples]
    yield "deployments", {}, len(deployed)
    yield "deployment_frequency_per_day", {}, float(Fraction(len(deployed) * DAY_MS, length_ms))
    yield "failed_deployments", {}, len(failed)
    yield "rework_deployments", {}, len(rework)
    yield "recovered_deployments", {}, len(recovered)
    yield "unidentified_deployments", {}, sum(not (_names(each)) for each in deployed)
    for cause in CAUSES:
        yield "change_failures", {"cause": cause}, sum(each.cause == cause for each in failed)
    if deployed:
        yield "change_failure_rate", {}, len(failed) / len(deployed)
        yield "deployment_rework_rate", {}, len(rework) / len(deployed)
    yield "lead_time_commits", {}, len(samples)
    yield "incidents", {}, len(begun)
    yield "unattributed_incidents", {}, sum(not each.is_attributed for each in begun)
    yield "restored_incidents", {}, len(restored)
    lengths = {
        "change_lead_time_seconds": samples,
        "time_to_restore_seconds": restored,
        "failed_deployment_recovery_time_seconds": recovered,
    }
    for name, values in lengths.items():
        for statistic, value in statistics(values):
            yield name, {"statistic": statistic}, value
    yield from _by_severity(incidents, begun, over)
    for stage, stage_values in _stages(deployed).items():
        for statistic, value in statistics(stage_values):
            yield "lead_time_stage_seconds", {"stage": stage, "statistic": statistic}, value


def _length(each: Trouble) -> int:
    return (each.incident.finished_at or 0) - each.incident.started_at


def _by_severity(
    incidents: Sequence[Trouble], begun: Sequence[Trouble], over: Sequence[Trouble]
) -> Iterator[tuple[str, dict[str, str], float]]:
    """The families of the severities that any incident has."""
    for level in sorted({each.incident.level for each in incidents if each.incident.level is not None}):
        yield "incidents_by_severity", {"severity": level}, sum(each.incident.level == level for each in begun)
        for statistic, value in statistics([_length(each) for each in over if each.incident.level == level]):
            yield "time_to_restore_by_severity_seconds", {"severity": level, "statistic": statistic}, value


def _names(each: Outcome) -> bool:
    return bool(each.deployment.version or each.deployment.sha)


def stages_of(outcomes: Sequence[Outcome], now: int, length_ms: int) -> Mapping[str, list[int]]:
    """The parts of the lead times of a window."""
    return _stages([each for each in outcomes if now - length_ms < each.deployment.finished_at <= now])


def _stages(deployed: Sequence[Outcome]) -> Mapping[str, list[int]]:
    """The parts of the lead times: without pull requests there are two."""
    found: dict[str, list[int]] = {}
    for outcome in deployed:
        for change, _ in outcome.samples:
            for stage, begun, ended in _stages_of(change, outcome.deployment):
                if ended - begun >= -SKEW_MS:
                    found.setdefault(stage, []).append(max(0, ended - begun))
    return found


def _stages_of(change: Change, deployment: Deployed) -> Iterator[tuple[str, int, int]]:
    """From when to when each part lasts."""
    request, written = change.request, change.authored_at
    if request is not None:
        if written <= request.ready_at:
            yield "time_to_pr_ready", written, request.ready_at
        if request.approved_at is not None:
            if written <= request.approved_at:
                yield "review", request.ready_at, request.approved_at
            yield "merge", request.approved_at, request.merged_at
    yield "time_to_deploy", written if request is None else request.merged_at, deployment.started_at
    if deployment.started_at != deployment.finished_at:
        yield "deploy", deployment.started_at, deployment.finished_at


def statistics(values_ms: Sequence[int]) -> Iterator[tuple[str, float]]:
    """Mean, median and 90th percentile in seconds; nothing of nothing."""
    if values_ms:
        yield "mean", float(Fraction(sum(values_ms), len(values_ms) * 1000))
        yield "median", _quantile(values_ms, Fraction(1, 2))
        yield "p90", _quantile(values_ms, Fraction(9, 10))


def _quantile(values_ms: Sequence[int], share: Fraction) -> float:
    ordered = sorted(values_ms)
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return float((ordered[low] + (position - low) * (ordered[high] - ordered[low])) / 1000)


def _sample(name: str, labels: Mapping[str, str]) -> Sample:
    return name, frozenset(labels.items())
