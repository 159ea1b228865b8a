"""What ``explain`` must say of a number of a series, and what the lists must show."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from tests.machine.counting import superseded
from tests.machine.facts import Deployed, Line, Terms, World
from tests.machine.gauges import Oracle, Trouble, attempted, stages_of, windowed
from tests.machine.graph import NOTHING
from tests.machine.judging import SKEW_MS, Court, Outcome
from tests.machine.naming import named
from tests.machine.saying import moment

NUMBERS = {
    "dora_deployment_frequency_per_day": ("deployments",),
    "dora_deployments": ("deployments",),
    "dora_deployment_attempts": ("attempts",),
    "dora_change_lead_time_seconds": ("deployments", "commits"),
    "dora_lead_time_commits": ("deployments", "commits"),
    "dora_lead_time_stage_seconds": ("deployments", "commits", "stages"),
    "dora_change_failure_rate": ("deployments", "failed"),
    "dora_failed_deployments": ("deployments", "failed"),
    "dora_change_failures": ("deployments", "failed"),
    "dora_deployment_rework_rate": ("deployments", "rework"),
    "dora_rework_deployments": ("deployments", "rework"),
    "dora_unidentified_deployments": ("deployments", "unidentified"),
    "dora_failed_deployment_recovery_time_seconds": ("recovered",),
    "dora_recovered_deployments": ("recovered",),
    "dora_incidents": ("incidents",),
    "dora_unattributed_incidents": ("incidents", "unattributed"),
    "dora_incidents_by_severity": ("incidents",),
    "dora_time_to_restore_by_severity_seconds": ("restored",),
    "dora_time_to_restore_seconds": ("restored",),
    "dora_restored_incidents": ("restored",),
}
"""What each gauge is made of: an explanation counts this and nothing else."""
BY_RECOVERY = ("dora_failed_deployment_recovery_time_seconds", "dora_recovered_deployments")
BY_SEVERITY = ("dora_incidents_by_severity", "dora_time_to_restore_by_severity_seconds")
BY_BEGIN = ("dora_incidents", "dora_unattributed_incidents", BY_SEVERITY[0])
BY_END = ("dora_time_to_restore_seconds", "dora_restored_incidents", BY_SEVERITY[1])
BY_FINISH = (
    "dora_deployment_frequency_per_day",
    "dora_deployments",
    "dora_change_lead_time_seconds",
    "dora_lead_time_commits",
    "dora_change_failure_rate",
    "dora_failed_deployments",
    "dora_change_failures",
    "dora_deployment_rework_rate",
    "dora_unidentified_deployments",
    "dora_rework_deployments",
    "dora_lead_time_stage_seconds",
)
BY_ATTEMPT = ("dora_deployment_attempts",)
METRICS = (*BY_FINISH, *BY_ATTEMPT, *BY_RECOVERY, *BY_BEGIN, *BY_END)
CAUSES = tuple(NOTHING.left_out)
"""Why Git gives commits no lead time."""


def wrong_in(
    said: Mapping[str, Any], oracle: Oracle, *, kind: str, name: Line, metric: str, window: tuple[str, int]
) -> list[str]:
    """Where the explanation of a service's, a team's or a group's number is not what is true.

    ``name`` is that of the service, the team or the group, and the environment.
    What is not said of an event is no mistake.
    """
    _, length_ms = window
    outcomes = oracle.outcomes[name] if kind == "service" else oracle.outcomes_in(kind, name)
    incidents = oracle.troubles_of(name) if kind == "service" else oracle.troubles_in(kind, name)
    tried = oracle.attempts_of(name) if kind == "service" else oracle.attempts_in(kind, name)
    values = {
        frozenset(labels.items()): value
        for gauge, labels, value in (
            *windowed(outcomes, incidents, oracle.now, length_ms),
            *attempted(outcomes, tried, oracle.now, length_ms),
        )
        if f"dora_{gauge}" == metric
    }
    shown = {frozenset(each["labels"].items()): each["value"] for each in said["values"]}
    wrong = [] if _near(shown, values) else [f"values {shown} and not {values}"]
    numbers = _numbers(metric, outcomes, incidents, tried, now=oracle.now, length_ms=length_ms)
    if said["numbers"] != numbers:
        wrong.append(f"numbers {said['numbers']} and not {numbers}")

    def within(at: int | None) -> bool:
        return at is not None and oracle.now - length_ms < at <= oracle.now

    explained: dict[str, dict[str, object]] = {}
    left_out: set[tuple[str, str]] = set()
    united: set[str] = set()
    if metric in BY_BEGIN or metric in BY_END:
        events, known = "incidents", {each.incident.id for each in incidents}
        refused = oracle.not_counting(kind, name)
        reasons = {each["id"]: each["reason"] for each in said["left_out"] if each["kind"] == "incident"}
        wrong += [
            f"{id_} because {reasons.get(id_)}" for id_, why in refused.items() if why not in reasons.get(id_, "")
        ]
        for trouble in incidents:
            incident = trouble.incident
            if within(incident.started_at if metric in BY_BEGIN else incident.finished_at):
                explained[incident.id] = _incident(trouble, oracle, name if kind == "service" else None)
    else:
        events, known = "deployments", {each.deployment.id for each in outcomes} | {each.id for each in tried}
        for outcome in outcomes:
            recovered_at = outcome.recovery[0] if outcome.recovery else None
            if within(recovered_at if metric in BY_RECOVERY else outcome.deployment.finished_at):
                court = oracle.courts[outcome.deployment.line]
                explained[outcome.deployment.id] = _outcome(outcome, court)
                left_out |= _commits_left_out(outcome, court) | court.reasons.get(outcome.deployment.id, set())
                united |= {outcome.deployment.id} - court.reasons.keys()
        explained |= _attempts(tried if metric in BY_ATTEMPT else (), within)
    found = {each["id"]: _told(each) for each in said[events]}
    told = {(each["id"], each["reason"]) for each in said["left_out"] if _is_of_commits(each, united)}
    wrong += _wrongly_left_out(said, events, known - explained.keys())
    wrong += [] if told == left_out else [f"commits left out {told} and not {left_out}"]
    return [*wrong, *_differing(found, explained)]


def _differing(found: Mapping[str, Mapping[str, object]], wanted: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Events with other facts. What is not said of an event is no mistake."""
    if found.keys() != wanted.keys():
        return [f"events {sorted(found)} and not {sorted(wanted)}"]
    wrong = []
    for id_, facts in wanted.items():
        differing = {
            key: (found[id_][key], facts[key]) for key in facts if key in found[id_] and found[id_][key] != facts[key]
        }
        if differing:
            wrong.append(f"of {id_} {differing}")
    return wrong


def _attempts(tried: Iterable[Deployed], within: Callable[[int], bool]) -> dict[str, dict[str, object]]:
    """What is said of attempts that did not succeed."""
    return {
        each.id: {"outcome": each.outcome, "cause": None, "lead_times": []}
        for each in tried
        if within(each.finished_at)
    }


def _numbers(
    metric: str,
    outcomes: Sequence[Outcome],
    incidents: Sequence[Trouble],
    tried: Sequence[Deployed],
    *,
    now: int,
    length_ms: int,
) -> dict[str, int]:
    """What a gauge is made of, by its name; of failures and stages the parts that there are, too."""
    counted = list(windowed(outcomes, incidents, now, length_ms))
    totals = {gauge: int(value) for gauge, labels, value in counted if not labels}
    ended = attempted(outcomes, tried, now, length_ms)
    parts: dict[str, dict[str, int]] = {
        "attempts": {labels["outcome"]: int(value) for _, labels, value in ended if value},
        "failed": {
            labels["cause"]: int(value) for gauge, labels, value in counted if gauge == "change_failures" and value
        },
        "stages": {stage: len(each) for stage, each in stages_of(outcomes, now, length_ms).items() if each},
    }
    names = {
        "deployments": "deployments",
        "commits": "lead_time_commits",
        "rework": "rework_deployments",
        "unidentified": "unidentified_deployments",
        "recovered": "recovered_deployments",
        "incidents": "incidents",
        "unattributed": "unattributed_incidents",
        "restored": "restored_incidents",
    }
    found: dict[str, int] = {}
    for kind in NUMBERS[metric]:
        if kind in parts:
            found[kind] = sum(parts[kind].values())
            found |= {f"{kind}_{part}": count for part, count in parts[kind].items()}
        else:
            found[kind] = totals[names[kind]]
    if metric in BY_SEVERITY:
        moments = [
            (each.incident.level, each.incident.started_at if metric in BY_BEGIN else each.incident.finished_at)
            for each in incidents
        ]
        levels = [level for level, at in moments if level and at is not None and now - length_ms < at <= now]
        found |= {f"{NUMBERS[metric][0]}_severity_{level}": levels.count(level) for level in levels}
    return found


def _commits_left_out(outcome: Outcome, court: Court) -> set[tuple[str, str]]:
    """The commits of a deployment that are no samples, each with the reason."""
    deployment, kept = outcome.deployment, {change.sha for change, _ in outcome.samples}
    found = set()
    for change in court.shipped[deployment.id]:
        if change.sha not in kept:
            is_ahead = change.authored_at - deployment.finished_at > SKEW_MS
            reason = "was authored too long after the deployment" if is_ahead else "was shipped before"
            if court.is_excluded(change, deployment):
                reason = "its author is in commits.exclude_authors"
            found.add((change.sha, reason))
    return found


def _wrongly_left_out(said: Mapping[str, Any], events: str, missing: Iterable[str]) -> list[str]:
    """What is known and does not count is left out, once, and nothing else is."""
    shown = [each["id"] for each in said["left_out"] if f"{each['kind']}s" == events]
    wrong = [f"{each} is neither counted nor left out" for each in missing if each not in shown]
    wrong += [f"{each['id']} is counted and left out" for each in said[events] if each["id"] in shown]
    return wrong + [f"{each} is left out twice" for each in sorted({*shown}) if shown.count(each) > 1]


def _is_of_commits(left_out: Mapping[str, str], united: Collection[str]) -> bool:
    """Whether it is a commit, or commits of a deployment that has one report, left out for what they are."""
    is_counted = left_out["kind"] == "commits" and left_out["id"] not in united
    return left_out["kind"] == "commit" or (is_counted and any(f": {each}" in left_out["reason"] for each in CAUSES))


def _incident(trouble: Trouble, oracle: Oracle, line: Line | None) -> dict[str, object]:
    """What is said of an incident; of one of a team only whether it is attributed: it may be to several."""
    incident = trouble.incident
    is_over = incident.finished_at is not None and incident.finished_at <= oracle.now
    facts: dict[str, object] = {
        "is_attributed": trouble.is_attributed,
        "restore_seconds": ((incident.finished_at or 0) - incident.started_at) / 1000 if is_over else None,
    }
    if line is not None:
        blamed = oracle.courts[line].attributed(incident)
        facts["attributed_to"] = blamed and blamed.id
    return facts


def _outcome(outcome: Outcome, court: Court) -> dict[str, object]:
    return {
        "outcome": None,
        "cause": outcome.cause,
        "remedies": sorted(each.id for each in court.remedies(outcome.deployment)) if outcome.cause else None,
        "incidents": sorted(each.id for each in court.incidents_of(outcome.deployment)) if outcome.cause else None,
        "rework": outcome.is_rework,
        "lead_times": sorted((change.sha, value / 1000) for change, value in outcome.samples),
        "recovery_seconds": outcome.recovery[1] / 1000 if outcome.recovery else None,
    }


def _told(each: Mapping[str, Any]) -> dict[str, object]:
    """The facts in an explained event, in the oracle's words."""
    facts: dict[str, object] = dict(each)
    if "failure" in each:
        failure = each["failure"]
        facts["cause"] = failure and failure["cause"]
        facts["remedies"] = failure and sorted(set(failure["remedies"]))
        facts["incidents"] = failure and sorted(failure["incidents"])
    if "attributed_to" in each:
        facts["is_attributed"] = each["attributed_to"] is not None
    if "lead_times" in each:
        facts["lead_times"] = sorted((one["sha"], one["seconds"]) for one in each["lead_times"])
    return facts


def _near(
    shown: Mapping[frozenset[tuple[str, str]], float], wanted: Mapping[frozenset[tuple[str, str]], float]
) -> bool:
    return shown.keys() == wanted.keys() and all(
        abs(shown[key] - wanted[key]) <= 1e-9 * max(1, abs(wanted[key])) for key in wanted
    )


def listed_deployments(world: World, terms: Terms) -> list[tuple[object, ...]]:
    """What the list of deployments must show, the newest beginning first."""
    losers: set[str] = set()
    counting = named(world, terms.names).deployments.values()
    for line in {each.line for each in counting}:
        succeeded = [each for each in counting if each.line == line and each.outcome is None]
        losers |= superseded(succeeded, terms.merge_within_ms)
    held = [each for each in world.deployments.values() if each.id not in losers]
    return [
        (
            each.id,
            each.service,
            each.environment,
            _iso(each.started_at),
            _iso(each.finished_at),
            each.version,
            each.team,
            each.source,
            None if each.said is None else each.said.failed,
            each.outcome,
            each.sha,
        )
        for each in sorted(held, key=lambda each: (-each.started_at, each.id))
    ]


def listed_incidents(world: World) -> list[tuple[object, ...]]:
    """What the list of incidents must show."""
    return [
        (
            each.id,
            list(each.services),
            each.environment,
            _iso(each.started_at),
            None if each.finished_at is None else _iso(each.finished_at),
            each.version,
            each.team,
            each.source,
            each.severity,
        )
        for each in sorted(world.incidents.values(), key=lambda each: (-each.started_at, each.id))
    ]


def _iso(ms: int) -> str:
    return moment(ms).replace(".000Z", "Z")


def shown_deployments(rows: Iterable[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    """What the list shows."""
    names = ("service", "env", "started_at", "finished_at", "version", "team", "source", "change_failure", "outcome")
    return [
        (
            each["id"],
            *(each["attributes"].get(name) for name in names),
            each["attributes"].get("git", {}).get("commit_sha"),
        )
        for each in rows
    ]


def shown_incidents(rows: Iterable[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    """What the list shows."""
    names = ("services", "env", "started_at", "finished_at", "version", "team", "source", "severity")
    return [(each["id"], *(each["attributes"].get(name) for name in names)) for each in rows]
