"""Explains a number: the events that it counts, the links between them, and what it leaves out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dora_exporter.dora import metrics
from dora_exporter.dora.events import Deployment, Event
from dora_exporter.dora.failures.classifier import Classifier
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.measures import DeploymentFacts, Measures
from dora_exporter.dora.metrics.contract import COMMITS, Moment, WindowMetric
from dora_exporter.dora.sliding_window import Window
from dora_exporter.runtime.cooperative import Turn
from dora_exporter.series.counted_events import (
    CountedDeployment,
    CountedIncident,
    LeftOut,
    counted_deployment,
    counted_incident,
    left_out_of,
)
from dora_exporter.series.series_state import SeriesState

_TRIES = 3


@dataclass(frozen=True)
class Explanation:
    """The values of a gauge by its own labels, and the events behind them."""

    metric: WindowMetric
    values: dict[tuple[str, ...], float]
    deployments: list[CountedDeployment] = field(default_factory=list)
    incidents: list[CountedIncident] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def numbers(self) -> dict[str, int]:
        """The sums over the listed events that explain the gauge."""
        basis = self.metric.basis
        events = self.deployments if basis.moment.is_of_deployments else self.incidents
        facts = [each.facts for each in events]
        return {name: number for each in basis.sums for name, number in each.over(facts)}


WhyUnknown = Callable[[Deployment], str | None]
"""The reason why the commits of a deployment are unknown; None if they are known, or are not looked for."""

METRICS = {
    each.name: each
    for each in (*metrics.ALL, *metrics.BY_SEVERITY)
    if isinstance(each, WindowMetric) and each.basis.sums
}
"""The metrics that can be explained."""


async def explain(state: SeriesState, measures: Measures, metric: WindowMetric, window: Window) -> Explanation:
    """Explains a metric of ``METRICS`` for a series that was moved to the end of the window.

    It works in slices. A series that changes between two is explained again, and after some tries in one go.
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
    """Adds the deployments with unknown commits to an explanation of lead times."""
    if COMMITS not in explanation.metric.basis.sums:
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
    """Fills an explanation with the events of a series for which ``belongs`` is true, one event a step."""
    if explanation.metric.basis.moment.is_of_deployments:
        return _count_deployments(explanation, state, window, belongs)
    return _count_incidents(explanation, state, window, belongs)


def _count_deployments(
    explanation: Explanation, state: SeriesState, window: Window, belongs: Callable[[Event], bool]
) -> Iterator[None]:
    classifier = state.classifier
    asked = explanation.metric.basis.moment
    for deployment in reversed(classifier.in_order.by_finish):
        yield
        if not belongs(deployment):
            continue
        moment = _moment_of_deployment(asked, classifier, deployment)
        if moment is not None and window.start_ms < moment <= window.end_ms:
            yield from _count_deployment(explanation, classifier, deployment)
        else:
            explanation.left_out.append(LeftOut("deployment", deployment.id, asked.value))
    for each, reason in state.waiting():
        yield
        if belongs(each):
            explanation.left_out.append(LeftOut("deployment", each.id, reason))
    for each in state.attempts.newest_first():
        yield
        if belongs(each):
            _explain_attempt(explanation, state, window, each)
    if asked.is_of_attempts:
        explanation.deployments.sort(key=lambda each: finish_order(each.deployment), reverse=True)


def _count_deployment(explanation: Explanation, classifier: Classifier, deployment: Deployment) -> Iterator[None]:
    explanation.deployments.append(counted_deployment(classifier, deployment))
    for each in left_out_of(classifier, deployment):
        if each:
            explanation.left_out.append(each)
        yield


def _explain_attempt(explanation: Explanation, state: SeriesState, window: Window, attempt: Deployment) -> None:
    """An attempt that did not succeed counts as such, or says why it counts as no deployment."""
    asked = explanation.metric.basis.moment
    reason = state.attempts.reason(attempt)
    if not asked.is_of_attempts:
        reason = reason or f"its outcome is {attempt.outcome}: an attempt, but no deployment"
    elif reason is None and not window.start_ms < attempt.finished_at <= window.end_ms:
        reason = asked.value
    if reason is None:
        explanation.deployments.append(CountedDeployment(attempt, DeploymentFacts.of(attempt), None, ()))
    else:
        explanation.left_out.append(LeftOut("deployment", attempt.id, reason))


def _count_incidents(
    explanation: Explanation, state: SeriesState, window: Window, belongs: Callable[[Event], bool]
) -> Iterator[None]:
    asked = explanation.metric.basis.moment
    for incident, reason in state.incidents.newest_first():
        yield
        if not belongs(incident):
            continue
        if reason:
            explanation.left_out.append(LeftOut("incident", incident.id, reason))
            continue
        counted = counted_incident(state.classifier, incident)
        moment = incident.started_at if asked is Moment.BEGAN else counted.facts.restored_at
        if moment is not None and window.start_ms < moment <= window.end_ms:
            explanation.incidents.append(counted)
        else:
            explanation.left_out.append(LeftOut("incident", incident.id, asked.value))


def _moment_of_deployment(asked: Moment, classifier: Classifier, deployment: Deployment) -> int | None:
    if asked is not Moment.RECOVERED:
        return deployment.finished_at
    recovery = classifier.facts(deployment).recovery
    return recovery[0] if recovery else None
