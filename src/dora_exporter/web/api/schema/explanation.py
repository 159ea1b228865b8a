"""Explanations as ``/api/v1/explain`` answers them."""

from collections.abc import Sequence

from msgspec import Struct

from dora_exporter.dora.sliding_window import Window
from dora_exporter.runtime.cooperative import in_turns
from dora_exporter.runtime.timestamps import iso
from dora_exporter.series.counted_events import CountedDeployment, CountedIncident, Failure
from dora_exporter.series.explanation import Explanation
from dora_exporter.series.explanation_subject import SentName, Subject

LARGEST_LIST = 1000


class ExplainedFailure(Struct, frozen=True):
    """Why a deployment counts as failed: the cause, the rule that applied, its remedies and its incidents."""

    cause: str
    rule: str
    remedies: list[str]
    incidents: list[str]


class ShownLeadTime(Struct, frozen=True):
    """The lead time of a commit."""

    sha: str
    seconds: float


class ShownStage(Struct, frozen=True):
    """How long a stage of a commit's way lasted."""

    stage: str
    seconds: float


class ExplainedDeployment(Struct, frozen=True):
    """A deployment or an attempt behind the number; ``outcome`` is null for one that succeeded."""

    id: str
    service: str
    started_at: str
    finished_at: str
    version: str | None
    commit_sha: str | None
    source: str
    failure: ExplainedFailure | None
    rework: bool
    lead_times: list[ShownLeadTime]
    stages: list[ShownStage]
    recovery_seconds: float | None
    outcome: str | None


class ExplainedIncident(Struct, frozen=True):
    """An incident behind the number.

    ``because`` names the rule that attributes it to a deployment, or says why it is attributed to none.
    """

    id: str
    services: list[str]
    name: str | None
    started_at: str
    finished_at: str | None
    source: str
    attributed_to: str | None
    because: str
    restore_seconds: float | None


class ShownLeftOut(Struct, frozen=True):
    """Something that does not count, and why."""

    kind: str
    id: str
    reason: str


class KnownAs(Struct, frozen=True):
    """Names that events of the series were sent with, and the rules of the catalogue that rename them."""

    service: str
    environment: str
    rules: list[str]


class Value(Struct, frozen=True):
    """A sample of the gauge, with the labels that it has beside series and window."""

    labels: dict[str, str]
    value: float


class ExplainAnswer(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A gauge of a service, team, group or value of a dimension, and the events behind it.

    ``numbers`` are the sums over all events that the gauge counts; each list has the newest events only.
    """

    service: str | None = None
    team: str | None = None
    group: str | None = None
    dimension: str | None = None
    value: str | None = None
    environment: str
    metric: str
    window: str
    after: str
    until: str
    values: list[Value]
    numbers: dict[str, int]
    deployments: list[ExplainedDeployment]
    incidents: list[ExplainedIncident]
    left_out: list[ShownLeftOut]
    left_out_total: int
    known_as: list[KnownAs] = []


async def answer(
    subject: Subject, name: str, window: Window, explanation: Explanation, sent_names: Sequence[SentName]
) -> ExplainAnswer:
    """Made in slices: a list may be long."""
    metric = explanation.metric
    return ExplainAnswer(
        service=subject.labels.get("service"),
        team=subject.labels.get("team"),
        group=subject.labels.get("group"),
        dimension=subject.labels.get("dimension"),
        value=subject.labels.get("value"),
        environment=subject.environment,
        metric=name,
        window=window.text,
        after=iso(window.start_ms),
        until=iso(window.end_ms),
        values=[
            Value(dict(zip(metric.labels, labels, strict=True)), value) for labels, value in explanation.values.items()
        ],
        numbers=explanation.numbers(),
        deployments=[_deployment(each) async for each in in_turns(explanation.deployments[:LARGEST_LIST])],
        incidents=[_incident(each) async for each in in_turns(explanation.incidents[:LARGEST_LIST])],
        left_out=[ShownLeftOut(each.kind, each.id, each.reason) for each in explanation.left_out[:LARGEST_LIST]],
        left_out_total=len(explanation.left_out),
        known_as=[KnownAs(each.service, each.environment, list(each.rules)) for each in sent_names],
    )


def _deployment(counted: CountedDeployment) -> ExplainedDeployment:
    deployment = counted.deployment
    return ExplainedDeployment(
        id=deployment.id,
        service=deployment.service,
        started_at=iso(deployment.started_at),
        finished_at=iso(deployment.finished_at),
        version=deployment.version,
        commit_sha=deployment.commit_sha,
        source=deployment.source,
        failure=_failure(counted.failure) if counted.failure else None,
        rework=counted.facts.rework,
        lead_times=[ShownLeadTime(sha, value / 1000) for sha, value in counted.lead_times_ms],
        stages=[ShownStage(stage, value / 1000) for stage, value in counted.facts.stages],
        recovery_seconds=None if counted.recovery_ms is None else counted.recovery_ms / 1000,
        outcome=deployment.outcome,
    )


def _failure(failure: Failure) -> ExplainedFailure:
    return ExplainedFailure(failure.cause, failure.rule, list(failure.remedies), list(failure.incidents))


def _incident(counted: CountedIncident) -> ExplainedIncident:
    incident = counted.incident
    return ExplainedIncident(
        id=incident.id,
        services=list(incident.services),
        name=incident.name,
        started_at=iso(incident.started_at),
        finished_at=None if incident.finished_at is None else iso(incident.finished_at),
        source=incident.source,
        attributed_to=counted.attributed_to,
        because=counted.because,
        restore_seconds=None if counted.restore_ms is None else counted.restore_ms / 1000,
    )
