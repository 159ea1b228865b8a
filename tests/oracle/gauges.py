"""Every gauge computed from scratch, as slowly as its definition reads: what the daemon must show, in every digit."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from sys import maxsize

from tests.oracle import links
from tests.oracle.living import (
    Teams,
    finish_order,
    groups_of,
    is_open,
    is_seen,
    living_deployments,
    living_incidents,
    series_of,
    teams_of,
    up,
    values_of,
)
from tests.oracle.outages import counting

from dora_exporter.dora.events import DAY_MS, MINUTE_MS, Commit, Deployment, Event, Incident, Series
from dora_exporter.dora.groups import Groups
from dora_exporter.dora.incident_rules import IncidentRules

Sample = tuple[str, frozenset[tuple[str, str]]]
"""A family's name and its labels."""

OTHER = Series("_other", "_other")
Line = tuple[str, ...]
"""The values of labels, that of the environment last."""
OF_DIMENSIONS = (
    "deployment_frequency_per_day",
    "deployments",
    "change_lead_time_seconds",
    "lead_time_commits",
    "change_failure_rate",
    "failed_deployments",
    "time_to_restore_seconds",
    "restored_incidents",
    "incidents",
)
"""The four metrics and their counts."""
TEAM_MARK = "\x1f"
CLOCK_SKEW_MS = 5 * MINUTE_MS


@dataclass(frozen=True)
class Shipped:
    """A deployment with all that follows about it within its series."""

    deployment: Deployment
    cause: str | None
    broke_at: int
    recovered_at: int | None
    is_rework: bool
    lead_times_ms: tuple[int, ...]


@dataclass(frozen=True)
class Suffered:
    """An incident as one series, or one team, sees it."""

    incident: Incident
    is_attributed: bool
    severity: str | None


def expected(
    deployments: Iterable[Deployment],
    incidents: Iterable[Incident],
    *,
    now_ms: int,
    windows: Sequence[tuple[str, int]],
    retention_ms: int,
    attribution_limit_ms: int | None = None,
    team_of: Teams | None = None,
    incident_rules: IncidentRules | None = None,
    groups: Groups | None = None,
    dimensions: Sequence[str] = (),
    values_limit: int = 50,
    series_limit: int = 10_000,
    series_order: Iterable[tuple[str, str]] = (),
    rollback_rule: bool | Collection[str] = True,
    revert_rule: bool = False,
) -> dict[Sample, float]:
    """All samples of all ``dora_`` families that follow from events.

    ``series_order`` lists series by first appearance, and teams among them, each marked by a control character before
    its name; without it everybody keeps their labels. ``rollback_rule`` may name the environments of the rule.
    """
    teams = team_of or {}
    told = list(deployments)
    living = living_deployments([each for each in told if each.outcome is None], now_ms, retention_ms)
    tried = [each for each in told if each.outcome is not None and each.finished_at >= now_ms - retention_ms]
    ended = [each for each in tried if is_seen(each, now_ms)]
    troubles = living_incidents(incidents, now_ms, retention_ms)
    events: list[Event] = [*living, *tried, *troubles]
    begun = [each for each in troubles if is_seen(each, now_ms)]
    outages = counting(begun, now_ms, incident_rules or IncidentRules())
    known = {series for event in events for series in series_of(event)}
    known_teams = {(team, event.environment) for event in events for team in teams_of(event, teams)}
    shipped = {
        series: _judge(
            [each for each in living if each.series == series and is_seen(each, now_ms)],
            [each.incident for each in outages if series in each.incident.series],
            attribution_limit_ms,
            now_ms,
            rollback_rule=rollback_rule if isinstance(rollback_rule, bool) else series.environment in rollback_rule,
            revert_rule=revert_rule,
        )
        for series in known
    }
    suffered = [
        (
            outage,
            {
                series: _is_attributed(outage.incident, shipped[series], attribution_limit_ms)
                for series in outage.incident.series
            },
        )
        for outage in outages
    ]

    samples: dict[Sample, float] = {}
    labelled = _labelled(known, list(series_order), series_limit)
    for label in set(labelled.values()):
        members = [series for series in known if labelled[series] == label]
        labels = {"service": label.service, "environment": label.environment}
        mine = [each for series in members for each in shipped[series]]
        theirs = [
            Suffered(each.incident, attributed[series], each.severity)
            for series in members
            for each, attributed in suffered
            if series in attributed
        ]
        attempts = [each for each in ended if each.series in members]
        samples |= _families("dora_", labels, mine, theirs, attempts, now_ms=now_ms, windows=windows)
        if mine and label != OTHER:
            samples[_sample("dora_service_info", labels | _info(mine, teams))] = 1.0
    tree = groups or Groups()
    order = list(series_order)
    known_groups = {(group, event.environment) for event in events for group in groups_of(event, tree, teams)}
    rollups: list[tuple[str, Mapping[Line, Line], Callable[[Event], set[tuple[str, ...]]]]] = [
        ("team", _labelled_teams(known_teams, order, series_limit, teams), lambda each: _alone(teams_of(each, teams))),
        (
            "group",
            _labelled_groups(known_groups, order, series_limit, tree, teams),
            lambda each: _alone(groups_of(each, tree, teams)),
        ),
    ]
    if dimensions:
        known_values = {(*pair, event.environment) for event in events for pair in values_of(event, dimensions)}
        counted: list[tuple[int, Event]] = [
            *((each.deployment.finished_at, each.deployment) for those in shipped.values() for each in those),
            *((each.finished_at, each) for each in ended),
            *((each.incident.started_at, each.incident) for each in outages),
        ]
        first = _first_moments(counted, dimensions)
        named_values = _labelled_values(known_values, first, values_limit, order, series_limit)
        rollups.append(("dimension", named_values, lambda each: values_of(each, dimensions)))
    for kind, named, belonging in rollups:
        for named_so in set(named.values()):
            labels = {kind: named_so[0], "environment": named_so[-1]}
            if kind == "dimension":
                labels["value"] = named_so[1]
            mine, theirs, attempts = [], [], []
            for *name, environment in named:
                if named[*name, environment] != named_so:
                    continue
                mine += [
                    each
                    for series in known
                    if series.environment == environment
                    for each in shipped[series]
                    if tuple(name) in belonging(each.deployment)
                ]
                theirs += [
                    Suffered(each.incident, any(attributed.values()), each.severity)
                    for each, attributed in suffered
                    if each.incident.environment == environment and tuple(name) in belonging(each.incident)
                ]
                attempts += [
                    each for each in ended if each.environment == environment and tuple(name) in belonging(each)
                ]
            found = _families(f"dora_{kind}_", labels, mine, theirs, attempts, now_ms=now_ms, windows=windows)
            samples |= {each: value for each, value in found.items() if _exists(each[0])}
    return samples


def _judge(
    deployments: Sequence[Deployment],
    incidents: Sequence[Incident],
    attribution_limit_ms: int | None,
    now_ms: int,
    *,
    rollback_rule: bool,
    revert_rule: bool,
) -> list[Shipped]:
    everything = (deployments, incidents, attribution_limit_ms)
    judged = []
    for each in deployments:
        cause = links.cause_of(each, *everything, rollback_rule=rollback_rule, revert_rule=revert_rule)
        recovered_at = links.recovered_at(
            each, *everything, now_ms, rollback_rule=rollback_rule, revert_rule=revert_rule
        )
        broke_at = links.broke_at(each, *everything, rollback_rule=rollback_rule, revert_rule=revert_rule)
        judged.append(
            Shipped(
                deployment=each,
                cause=cause,
                broke_at=broke_at,
                recovered_at=recovered_at if cause is not None else None,
                is_rework=links.is_rework(each, *everything, rollback_rule=rollback_rule, revert_rule=revert_rule),
                lead_times_ms=tuple(_lead_times_ms(each, deployments)),
            )
        )
    return judged


def _lead_times_ms(deployment: Deployment, deployments: Sequence[Deployment]) -> Iterator[int]:
    earlier = [each for each in deployments if finish_order(each) < finish_order(deployment)]
    shipped_before = {commit.sha for each in earlier for commit in _commits(each)}
    first_mention = {commit.sha: commit for commit in reversed(_commits(deployment))}
    for commit in first_mention.values():
        lead_time_ms = deployment.finished_at - commit.authored_at
        if commit.sha not in shipped_before and lead_time_ms >= -CLOCK_SKEW_MS:
            yield max(0, lead_time_ms)


def _commits(deployment: Deployment) -> Sequence[Commit]:
    """What its sender listed, else what Git says that it shipped."""
    if deployment.commits is not None:
        return deployment.commits
    return deployment.shipped.commits if deployment.shipped is not None else ()


def _is_attributed(incident: Incident, shipped: Sequence[Shipped], attribution_limit_ms: int | None) -> bool:
    return links.attributed_to(incident, [each.deployment for each in shipped], attribution_limit_ms) is not None


def _labelled(known: set[Series], order: Sequence[tuple[str, str]], limit: int) -> Mapping[Series, Series]:
    """The labels of each series: its own, or those of the rest when too many known ones appeared before it."""
    if not order:
        return {series: series for series in known}
    kept = [Series(*names) for names in order if names in known][:limit]
    return {series: series if series in kept else OTHER for series in known}


def _labelled_teams(
    known: set[tuple[str, str]], order: Sequence[tuple[str, str]], limit: int, team_of: Teams
) -> Mapping[Line, Line]:
    """The same for teams: one appeared when it was named first, or with a series of a service that is its own."""
    if not order:
        return {team: team for team in known}
    appeared: dict[tuple[str, str], None] = {}
    for name, environment in order:
        team = name[1:] if name.startswith(TEAM_MARK) else team_of.get(name)
        if team is not None and (team, environment) in known:
            appeared[team, environment] = None
    kept = list(appeared)[:limit]
    return {team: team if team in kept else OTHER for team in known}


def _labelled_groups(
    known: set[tuple[str, str]], order: Sequence[tuple[str, str]], limit: int, tree: Groups, team_of: Teams
) -> Mapping[Line, Line]:
    """The same for groups: one appeared with the first service in it, or with the first team in it."""
    if not order:
        return {group: group for group in known}
    appeared: dict[tuple[str, str], list[int]] = {}
    for place, (name, environment) in enumerate(order):
        team = name[1:] if name.startswith(TEAM_MARK) else team_of.get(name)
        group = tree.of_services.get(name)
        for within in (*up(group, tree), *up(tree.of_teams.get(team or ""), tree)):
            if (within, environment) in known:
                appeared.setdefault((within, environment), []).append(place)
    kept = sorted(known, key=lambda each: (min(appeared.get(each, [len(order)])), each))[:limit]
    return {group: group if group in kept else OTHER for group in known}


def _alone(names: set[str]) -> set[tuple[str, ...]]:
    return {(name,) for name in names}


def _exists(family: str) -> bool:
    """Whether there is such a family: not all are of dimensions."""
    return not family.startswith("dora_dimension_") or family.removeprefix("dora_dimension_") in OF_DIMENSIONS


def _first_moments(events: Iterable[tuple[int, Event]], dimensions: Sequence[str]) -> Mapping[tuple[str, ...], int]:
    """When the first event of each value was."""
    first: dict[tuple[str, ...], int] = {}
    for moment, event in events:
        for pair in values_of(event, dimensions):
            first[pair] = min(moment, first.get(pair, moment))
    return first


def _labelled_values(
    known: set[Line],
    first: Mapping[tuple[str, ...], int],
    limit: int,
    order: Sequence[tuple[str, str]],
    pairs_limit: int,
) -> Mapping[Line, Line]:
    """The same for values of dimensions: those of the first events keep their names, the rest is one by environment.

    Where there are too many pairs of value and environment, those of the environments that appeared last are one.
    """
    environments = [environment for _, environment in order]
    in_order = sorted(known, key=lambda each: (environments.index(each[-1]) if each[-1] in environments else 0, each))
    labelled: dict[Line, Line] = {}
    for dimension, value, environment in known:
        rivals = {each[:2] for each in known if each[0] == dimension}
        kept = sorted(rivals, key=lambda each: (first.get(each, maxsize), each))[:limit]
        if (dimension, value, environment) not in in_order[:pairs_limit]:
            labelled[dimension, value, environment] = (dimension, "_other", "_other")
        elif (dimension, value) not in kept:
            labelled[dimension, value, environment] = (dimension, "_other", environment)
        else:
            labelled[dimension, value, environment] = (dimension, value, environment)
    return labelled


def _info(shipped: Sequence[Shipped], team_of: Teams) -> dict[str, str]:
    """The team and repository of the latest deployment; empty where it has none."""
    latest = max((each.deployment for each in shipped), key=finish_order)
    return {"team": "".join(teams_of(latest, team_of)), "repository": latest.repository or ""}


def _families(
    prefix: str,
    labels: dict[str, str],
    shipped: Sequence[Shipped],
    suffered: Sequence[Suffered],
    attempts: Sequence[Deployment],
    *,
    now_ms: int,
    windows: Sequence[tuple[str, int]],
) -> dict[Sample, float]:
    samples: dict[Sample, float] = {}
    still_open = [each.incident for each in suffered if is_open(each.incident, now_ms)]
    samples[_sample(prefix + "open_incidents", labels)] = float(len(still_open))
    if still_open:
        oldest = min(each.started_at for each in still_open)
        samples[_sample(prefix + "oldest_open_incident_timestamp_seconds", labels)] = oldest / 1000
    if shipped:
        last = max(each.deployment.finished_at for each in shipped)
        samples[_sample(prefix + "last_deployment_timestamp_seconds", labels)] = last / 1000
    moments = [each.deployment.finished_at for each in shipped] + [each.incident.started_at for each in suffered]
    moments += [each.finished_at for each in attempts]
    if moments:
        samples[_sample(prefix + "first_event_timestamp_seconds", labels)] = min(moments) / 1000
    for text, length_ms in windows:
        for name, more_labels, value in _windowed(shipped, suffered, now_ms, length_ms):
            samples[_sample(prefix + name, labels | more_labels | {"window": text})] = value
        outcomes = {"succeeded": [each.deployment for each in shipped]} | {
            outcome: [each for each in attempts if each.outcome == outcome] for outcome in ("failed", "canceled")
        }
        for outcome, those in outcomes.items():
            count = sum(now_ms - length_ms < each.finished_at <= now_ms for each in those)
            samples[_sample(prefix + "deployment_attempts", labels | {"window": text, "outcome": outcome})] = count
    return samples


def _windowed(
    shipped: Sequence[Shipped], suffered: Sequence[Suffered], now_ms: int, length_ms: int
) -> Iterator[tuple[str, dict[str, str], float]]:
    def within(moment_ms: int | None) -> bool:
        return moment_ms is not None and now_ms - length_ms < moment_ms <= now_ms

    deployed = [each for each in shipped if within(each.deployment.finished_at)]
    failed = [each for each in deployed if each.cause is not None]
    began = [each for each in suffered if within(each.incident.started_at)]
    lead_times_ms = [value for each in deployed for value in each.lead_times_ms]
    restored = [each for each in suffered if within(each.incident.finished_at)]
    restore_times_ms = [_length_ms(each.incident) for each in restored]
    recovery_times_ms = [
        each.recovered_at - each.broke_at
        for each in shipped
        if each.recovered_at is not None and within(each.recovered_at)
    ]

    yield "deployments", {}, float(len(deployed))
    yield "deployment_frequency_per_day", {}, float(Fraction(len(deployed) * DAY_MS, length_ms))
    yield "failed_deployments", {}, float(len(failed))
    for cause in links.CAUSES:
        yield "change_failures", {"cause": cause}, float(sum(each.cause == cause for each in failed))
    if deployed:
        yield "change_failure_rate", {}, len(failed) / len(deployed)
        yield "deployment_rework_rate", {}, sum(each.is_rework for each in deployed) / len(deployed)
    yield "rework_deployments", {}, float(sum(each.is_rework for each in deployed))
    yield "recovered_deployments", {}, float(len(recovery_times_ms))
    yield "lead_time_commits", {}, float(len(lead_times_ms))
    yield "incidents", {}, float(len(began))
    yield "unattributed_incidents", {}, float(sum(not each.is_attributed for each in began))
    yield "restored_incidents", {}, float(len(restore_times_ms))
    for severity in {each.severity for each in suffered if each.severity is not None}:
        count = sum(each.severity == severity for each in began)
        yield "incidents_by_severity", {"severity": severity}, float(count)
        lengths_ms = [_length_ms(each.incident) for each in restored if each.severity == severity]
        for statistic, value in _statistics(lengths_ms):
            yield "time_to_restore_by_severity_seconds", {"severity": severity, "statistic": statistic}, value
    for name, values_ms in (
        ("change_lead_time_seconds", lead_times_ms),
        ("time_to_restore_seconds", restore_times_ms),
        ("failed_deployment_recovery_time_seconds", recovery_times_ms),
    ):
        for statistic, value in _statistics(values_ms):
            yield name, {"statistic": statistic}, value


def _length_ms(incident: Incident) -> int:
    return (incident.finished_at or 0) - incident.started_at


def _statistics(values_ms: Sequence[int]) -> Iterator[tuple[str, float]]:
    if values_ms:
        yield "mean", float(Fraction(sum(values_ms), len(values_ms) * 1000))
        yield "median", _quantile(values_ms, Fraction(1, 2))
        yield "p90", _quantile(values_ms, Fraction(9, 10))


def _quantile(values_ms: Sequence[int], share: Fraction) -> float:
    """Seconds at a share of the way through the sorted values, linear between neighbours, rounded once."""
    in_order = sorted(values_ms)
    position = share * (len(in_order) - 1)
    below = int(position)
    above = min(below + 1, len(in_order) - 1)
    exact_ms = in_order[below] + (position - below) * (in_order[above] - in_order[below])
    return float(Fraction(exact_ms) / 1000)


def _sample(name: str, labels: Mapping[str, str]) -> Sample:
    return name, frozenset(labels.items())
