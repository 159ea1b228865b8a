"""Explains a number: the events that it counts, the links between them, and what it leaves out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dora_exporter.dora import metrics
from dora_exporter.dora.events import Deployment, Event, Incident
from dora_exporter.dora.failures.classifier import Classifier
from dora_exporter.dora.failures.commit_text import commits_of
from dora_exporter.dora.failures.first_shipments import CLOCK_SKEW_MS
from dora_exporter.dora.failures.revert import relanded
from dora_exporter.dora.failures.verdict import verdict_on
from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts, Measures
from dora_exporter.dora.metrics.contract import COMMITS, Moment, WindowMetric
from dora_exporter.dora.repository_parts import excluded_of, parts_of
from dora_exporter.dora.sliding_window import Window
from dora_exporter.runtime.cooperative import Turn
from dora_exporter.series.series_state import SeriesState

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """A change failure: its cause, the rule that found it, and the ids of its remedies and incidents."""

    cause: str
    rule: str
    remedies: tuple[str, ...]
    incidents: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CountedDeployment:
    """A deployment that a metric counts; ``lead_times_ms`` are those of its ``facts``, by SHA."""

    deployment: Deployment
    facts: DeploymentFacts
    failure: Failure | None
    lead_times_ms: tuple[tuple[str, int], ...]

    @property
    def recovery_ms(self) -> int | None:
        """How long the recovery took; None without one."""
        return self.facts.recovery[1] if self.facts.recovery else None


@dataclass(frozen=True, slots=True, eq=False)
class CountedIncident:
    """An incident that a metric counts; ``because`` is the rule that attributes it, or why none does."""

    incident: Incident
    facts: IncidentFacts
    attributed_to: str | None
    because: str

    @property
    def restore_ms(self) -> int | None:
        """How long the incident lasted; None while it is open."""
        return None if self.facts.restored_at is None else self.facts.restored_at - self.facts.started_at


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not counted, and why."""

    kind: str
    id: str
    reason: str


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

_PASSED_OVER = "counted since an earlier deployment: the commits of the {} before it stay unknown"
METRICS = {each.name: each for each in metrics.ALL if isinstance(each, WindowMetric) and each.basis.sums}
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
            explanation.deployments.append(_counted(classifier, deployment))
            explanation.left_out.extend(_commits_left_out(classifier, deployment))
        else:
            explanation.left_out.append(LeftOut("deployment", deployment.id, asked.value))
    for each, reason in state.waiting():
        yield
        if belongs(each):
            explanation.left_out.append(LeftOut("deployment", each.id, reason))


def _count_incidents(
    explanation: Explanation, state: SeriesState, window: Window, belongs: Callable[[Event], bool]
) -> Iterator[None]:
    asked = explanation.metric.basis.moment
    for incident, reason in state.incidents():
        yield
        if not belongs(incident):
            continue
        moment = incident.started_at if asked is Moment.BEGAN else incident.finished_at
        if reason:
            explanation.left_out.append(LeftOut("incident", incident.id, reason))
        elif moment is not None and window.start_ms < moment <= window.end_ms:
            explanation.incidents.append(_suffered(state.classifier, incident))
        else:
            explanation.left_out.append(LeftOut("incident", incident.id, asked.value))


def _moment_of_deployment(asked: Moment, classifier: Classifier, deployment: Deployment) -> int | None:
    if asked is Moment.FINISHED:
        return deployment.finished_at
    recovery = classifier.facts(deployment).recovery
    return recovery[0] if recovery else None


def _counted(classifier: Classifier, deployment: Deployment) -> CountedDeployment:
    facts = classifier.facts(deployment)
    return CountedDeployment(
        deployment=deployment,
        facts=facts,
        failure=_failure(classifier, deployment) if facts.cause else None,
        lead_times_ms=tuple((commit.sha, value) for commit, value in classifier.in_order.shipments.samples(deployment)),
    )


def _failure(classifier: Classifier, deployment: Deployment) -> Failure:
    cause = classifier.cause(deployment) or ""
    links = classifier.remedies(deployment)
    rules = {"verdict": "verdict", "incident": "an incident is attributed to it"}
    return Failure(
        cause=cause,
        rule=next((link.rule for link in links if link.cause == cause and cause != "verdict"), rules.get(cause, cause)),
        remedies=tuple(dict.fromkeys(link.remedy.id for link in links)),
        incidents=tuple(sorted(incident.id for incident in classifier.attributions.incidents_of(deployment))),
    )


def _suffered(classifier: Classifier, incident: Incident) -> CountedIncident:
    attribution = classifier.attributions.attribution(incident)
    known = classifier.incident_facts(incident)
    return CountedIncident(
        incident=incident,
        facts=IncidentFacts(
            started_at=incident.started_at,
            source=incident.source,
            restored_at=known.restored_at if known else None,
            attributed=attribution is not None,
        ),
        attributed_to=attribution.deployment.id if attribution else None,
        because=attribution.rule if attribution else "no deployment had started before it, or not within the limit",
    )


def _commits_left_out(classifier: Classifier, deployment: Deployment) -> Iterator[LeftOut]:
    """What of a deployment is not counted: commits without a lead time, and links without effect."""
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
    for name in relanded(deployment, classifier.in_order):
        yield LeftOut("revert", name, "reverts a revert, which restores a change: no deployment failed")
    if classifier.in_order.rollbacks.is_relanding(deployment):
        yield LeftOut(
            "rollback", deployment.id, "redeploys what was rolled back: no deployment failed, and it is not rework"
        )
