"""What ``explain`` must say of a number of a series, and what the lists must show."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.machine.counting import superseded
from tests.machine.facts import Deployed, Line, World
from tests.machine.gauges import Oracle, Trouble, attempted, windowed
from tests.machine.judging import Court, Outcome
from tests.machine.saying import moment

BY_RECOVERY = ("dora_failed_deployment_recovery_time_seconds", "dora_recovered_deployments")
BY_BEGIN = ("dora_incidents", "dora_unattributed_incidents")
BY_END = ("dora_time_to_restore_seconds", "dora_restored_incidents")
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


def wrong_in(
    said: Mapping[str, Any], oracle: Oracle, *, kind: str, name: Line, metric: str, window: tuple[str, int]
) -> list[str]:
    """Where the explanation of a service's or a team's number is not what is true.

    ``name`` is that of the service, or the team, and the environment. What is not said of an event is no mistake.
    """
    _, length_ms = window
    outcomes = oracle.outcomes[name] if kind == "service" else oracle.outcomes_of(name)
    incidents = oracle.troubles_of(name) if kind == "service" else oracle.troubles_of_team(name)
    tried = oracle.attempts_of(name) if kind == "service" else oracle.attempts_of_team(name)
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

    def within(at: int | None) -> bool:
        return at is not None and oracle.now - length_ms < at <= oracle.now

    explained: dict[str, dict[str, object]] = {}
    if metric in BY_BEGIN or metric in BY_END:
        found = {each["id"]: _told(each) for each in said["incidents"]}
        for trouble in incidents:
            incident = trouble.incident
            if within(incident.started_at if metric in BY_BEGIN else incident.finished_at):
                explained[incident.id] = _incident(trouble, oracle, name if kind == "service" else None)
    else:
        found = {each["id"]: _told(each) for each in said["deployments"]}
        for outcome in outcomes:
            recovered_at = outcome.recovery[0] if outcome.recovery else None
            if within(recovered_at if metric in BY_RECOVERY else outcome.deployment.finished_at):
                explained[outcome.deployment.id] = _outcome(outcome, oracle.courts[outcome.deployment.line])
        explained |= _attempts(tried if metric in BY_ATTEMPT else (), within)
    if found.keys() != explained.keys():
        return [*wrong, f"events {sorted(found)} and not {sorted(explained)}"]
    for id_, facts in explained.items():
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


def listed_deployments(world: World, within_ms: int) -> list[tuple[object, ...]]:
    """What the list of deployments must show, the newest beginning first."""
    losers: set[str] = set()
    for line in {each.line for each in world.deployments.values()}:
        succeeded = [each for each in world.deployments.values() if each.line == line and each.outcome is None]
        losers |= superseded(succeeded, within_ms)
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
        )
        for each in sorted(world.incidents.values(), key=lambda each: (-each.started_at, each.id))
    ]


def _iso(ms: int) -> str:
    return moment(ms).replace(".000Z", "Z")


def shown_deployments(rows: Iterable[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    """What the list shows."""
    names = ("service", "env", "started_at", "finished_at", "version", "team", "source", "change_failure", "outcome")
    return [(each["id"], *(each["attributes"].get(name) for name in names)) for each in rows]


def shown_incidents(rows: Iterable[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    """What the list shows."""
    names = ("services", "env", "started_at", "finished_at", "version", "team", "source")
    return [(each["id"], *(each["attributes"].get(name) for name in names)) for each in rows]
