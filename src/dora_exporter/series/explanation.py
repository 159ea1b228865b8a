"""Why a number is what it is: the events that made it, the links between them, and what was left out."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from dora_exporter.dora import metrics
from dora_exporter.dora.events import Deployment, Event, Incident
from dora_exporter.dora.failures.classifier import Classifier
from dora_exporter.dora.failures.commit_text import commits_of
from dora_exporter.dora.failures.first_shipments import CLOCK_SKEW_MS
from dora_exporter.dora.failures.revert import brought_back
from dora_exporter.dora.failures.verdict import verdict_on
from dora_exporter.dora.measures import Measures, is_identified
from dora_exporter.dora.metrics.contract import WindowMetric
from dora_exporter.dora.repository_parts import excluded_of, parts_of
from dora_exporter.dora.sliding_window import Window
from dora_exporter.runtime.cooperative import Turn
from dora_exporter.series.series_state import SeriesState

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """That a deployment failed: how that is known, by which rule, and the events that say so."""

    cause: str
    rule: str
    remedies: tuple[str, ...]
    incidents: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CountedDeployment:
    """A deployment that a number is made of, and what it adds."""

    deployment: Deployment
    failure: Failure | None
    is_rework: bool
    lead_times_ms: tuple[tuple[str, int], ...]
    recovery_ms: int | None
    stages_ms: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CountedIncident:
    """An incident that a number is made of; ``because`` is the rule that attributes it, or why none does."""

    incident: Incident
    attributed_to: str | None
    because: str
    restore_ms: int | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that could have counted, and why it does not."""

    kind: str
    id: str
    reason: str


@dataclass(frozen=True)
class Explanation:
    """A gauge's values by its own labels, and what they are made of."""

    metric: WindowMetric
    values: dict[tuple[str, ...], float]
    deployments: list[CountedDeployment] = field(default_factory=list)
    incidents: list[CountedIncident] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def numbers(self) -> dict[str, int]:
        """What the gauge counts, added up from the events listed."""
        return {name: number for kind in _NUMBERS[self.metric.name] for name, number in self._numbers(kind)}

    def _numbers(self, kind: str) -> Iterator[tuple[str, int]]:
        """A number by its name, then its parts."""
        match kind:
            case "failed":
                yield from _total("failed", Counter(each.failure.cause for each in self.deployments if each.failure))
            case "stages":
                stages = Counter(stage for each in self.deployments for stage, _ in each.stages_ms)
                yield from _total("stages", stages)
            case _:
                yield kind, sum(map(_COUNTS[kind], self._events(kind)))

    def _events(self, kind: str) -> list[Any]:
        return self.incidents if kind in _OF_INCIDENTS else self.deployments


def _total(name: str, parts: Counter[str]) -> Iterator[tuple[str, int]]:
    yield name, parts.total()
    yield from ((f"{name}_{part}", count) for part, count in sorted(parts.items()))


_COUNTS: dict[str, Callable[[Any], int]] = {
    "deployments": lambda _: 1,
    "rework": lambda counted: counted.is_rework,
    "commits": lambda counted: len(counted.lead_times_ms),
    "recovered": lambda counted: counted.recovery_ms is not None,
    "unidentified": lambda counted: not is_identified(counted.deployment),
    "incidents": lambda _: 1,
    "unattributed": lambda counted: counted.attributed_to is None,
    "restored": lambda counted: counted.restore_ms is not None,
}
"""What an event adds to a number."""
_OF_INCIDENTS = {"incidents", "unattributed", "restored"}
_NUMBERS = {
    "dora_deployment_frequency_per_day": ("deployments",),
    "dora_deployments": ("deployments",),
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
    "dora_time_to_restore_seconds": ("restored",),
    "dora_restored_incidents": ("restored",),
}
"""The numbers that a gauge is made of; those of other gauges would be counted over the wrong events."""


WhyUnknown = Callable[[Deployment], str | None]
"""Why nobody knows which commits a deployment shipped; None where they are known, or Git was not asked."""

_PASSED_OVER = "counted since an earlier deployment: the commits of the {} before it stay unknown"
_Moment = Callable[[Classifier, Deployment], int | None]


def _finish(_: Classifier, deployment: Deployment) -> int | None:
    return deployment.finished_at


def _recovery(classifier: Classifier, deployment: Deployment) -> int | None:
    recovery = classifier.facts(deployment).recovery
    return recovery[0] if recovery else None


_BY_DEPLOYMENTS: dict[str, tuple[_Moment, str]] = {
    **{
        f"dora_{name}": (_finish, "finished outside of the window")
        for name in (
            "deployment_frequency_per_day",
            "deployments",
            "change_lead_time_seconds",
            "lead_time_commits",
            "lead_time_stage_seconds",
            "change_failure_rate",
            "failed_deployments",
            "change_failures",
            "deployment_rework_rate",
            "rework_deployments",
            "unidentified_deployments",
        )
    },
    "dora_failed_deployment_recovery_time_seconds": (_recovery, "was not remedied in the window"),
    "dora_recovered_deployments": (_recovery, "was not remedied in the window"),
}
_BY_INCIDENTS: dict[str, tuple[Callable[[Incident], int | None], str]] = {
    "dora_incidents": (lambda incident: incident.started_at, "began outside of the window"),
    "dora_unattributed_incidents": (lambda incident: incident.started_at, "began outside of the window"),
    "dora_time_to_restore_seconds": (lambda incident: incident.finished_at, "was not resolved in the window"),
    "dora_restored_incidents": (lambda incident: incident.finished_at, "was not resolved in the window"),
}
METRICS = {
    each.name: each
    for each in metrics.ALL
    if isinstance(each, WindowMetric) and each.name in {*_BY_DEPLOYMENTS, *_BY_INCIDENTS}
}
"""What can be explained: all that is said of a window, but the performance levels."""


async def explain(state: SeriesState, measures: Measures, metric: WindowMetric, window: Window) -> Explanation:
    """Explains a metric of ``METRICS`` for a series that was brought to the end of the window.

    It works in slices; a series that changes meanwhile is explained again, and at last in one go.
    """
    for patience in range(_TRIES, -1, -1):
        version = state.version
        explanation = Explanation(metric, dict(metric.read(measures, window)))
        turn = Turn()
        for _ in fill(explanation, state, window):
            if patience and turn.is_over:
                await turn.give()
                if state.version != version:
                    break
        if state.version == version:
            return explanation
    raise AssertionError("a series does not change while nothing else runs")


def add_unknown(explanation: Explanation, why_unknown: WhyUnknown) -> None:
    """Says of which counted deployments the commits are not known, and why, where a lead time is explained."""
    if "lead_time" not in explanation.metric.name:
        return
    for each in explanation.deployments:
        reason = why_unknown(each.deployment)
        if reason is not None:
            explanation.left_out.append(LeftOut("commits", each.deployment.id, reason))


def _every(_: Event) -> bool:
    return True


def fill(
    explanation: Explanation, state: SeriesState, window: Window, belongs: Callable[[Event], bool] = _every
) -> Iterator[None]:
    """Fills an explanation with those events of a series that belong to what is explained, an event at a step."""
    if explanation.metric.name in _BY_DEPLOYMENTS:
        return _count_deployments(explanation, state, window, belongs)
    return _count_incidents(explanation, state, window, belongs)


def _count_deployments(
    explanation: Explanation, state: SeriesState, window: Window, belongs: Callable[[Event], bool]
) -> Iterator[None]:
    classifier = state.classifier
    moment_of, otherwise = _BY_DEPLOYMENTS[explanation.metric.name]
    for deployment in reversed(classifier.in_order.by_finish):
        yield
        if not belongs(deployment):
            continue
        moment = moment_of(classifier, deployment)
        if moment is not None and window.start_ms < moment <= window.end_ms:
            explanation.deployments.append(_counted(classifier, deployment))
            explanation.left_out.extend(_commits_left_out(classifier, deployment))
        else:
            explanation.left_out.append(LeftOut("deployment", deployment.id, otherwise))
    for each, reason in state.waiting():
        yield
        if belongs(each):
            explanation.left_out.append(LeftOut("deployment", each.id, reason))


def _count_incidents(
    explanation: Explanation, state: SeriesState, window: Window, belongs: Callable[[Event], bool]
) -> Iterator[None]:
    moment_of, otherwise = _BY_INCIDENTS[explanation.metric.name]
    for incident, reason in state.incidents():
        yield
        if not belongs(incident):
            continue
        moment = moment_of(incident)
        if reason:
            explanation.left_out.append(LeftOut("incident", incident.id, reason))
        elif moment is not None and window.start_ms < moment <= window.end_ms:
            explanation.incidents.append(_suffered(state.classifier, incident))
        else:
            explanation.left_out.append(LeftOut("incident", incident.id, otherwise))


def _counted(classifier: Classifier, deployment: Deployment) -> CountedDeployment:
    facts = classifier.facts(deployment)
    return CountedDeployment(
        deployment=deployment,
        failure=_failure(classifier, deployment) if facts.cause else None,
        is_rework=facts.rework,
        lead_times_ms=tuple((commit.sha, value) for commit, value in classifier.in_order.shipments.samples(deployment)),
        recovery_ms=facts.recovery[1] if facts.recovery else None,
        stages_ms=facts.stages,
    )


def _failure(classifier: Classifier, deployment: Deployment) -> Failure:
    cause = classifier.cause(deployment) or ""
    links = classifier.remedies(deployment)
    rules = {"verdict": "verdict", "incident": "an incident is attributed to it"}
    return Failure(
        cause=cause,
        rule=next((link.rule for link in links if link.cause == cause and cause != "verdict"), rules.get(cause, cause)),
        remedies=tuple(dict.fromkeys(link.remedy.id for link in links)),
        incidents=tuple(sorted(incident.id for incident in classifier.blame.incidents_of(deployment))),
    )


def _suffered(classifier: Classifier, incident: Incident) -> CountedIncident:
    attribution = classifier.blame.attribution(incident)
    facts = classifier.incident_facts(incident)
    restored_at = facts.restored_at if facts else None
    return CountedIncident(
        incident=incident,
        attributed_to=attribution.deployment.id if attribution else None,
        because=attribution.rule if attribution else "no deployment had started before it, or not within the limit",
        restore_ms=None if restored_at is None else restored_at - incident.started_at,
    )


def _commits_left_out(classifier: Classifier, deployment: Deployment) -> Iterator[LeftOut]:
    """The commits of a deployment that are no sample of the lead time."""
    kept = {commit.sha for commit, _ in classifier.in_order.shipments.samples(deployment)}
    excluded = excluded_of(deployment)
    for commit in commits_of(deployment):
        if commit.sha not in kept:
            is_ahead = commit.authored_at - deployment.finished_at > CLOCK_SKEW_MS
            reason = "was authored too long after the deployment" if is_ahead else "was shipped before"
            if commit.sha in excluded:
                reason = "its author is in commits.exclude_authors"
            yield LeftOut("commit", commit.sha, reason)
    for part in parts_of(deployment.shipped) if deployment.commits is None else ():
        where = f" of {part.repository}" if deployment.further else ""
        for cause, count in sorted(part.left_out.items()):
            reason = _PASSED_OVER if cause == "passed_over" else "{} left out: " + cause
            yield LeftOut("commits", deployment.id, reason.format(count) + where)
    verdict = verdict_on(deployment)
    if verdict and not verdict.change_failure and classifier.links.to_failed(deployment):
        yield LeftOut("failure", deployment.id, "the verdict says that it did not fail")
    for name in brought_back(deployment, classifier.in_order):
        yield LeftOut("revert", name, "reverts a revert, which restores a change: no deployment failed")
    if classifier.in_order.returns.lands_again(deployment):
        yield LeftOut(
            "rollback", deployment.id, "redeploys what was rolled back: no deployment failed, and it is not rework"
        )
