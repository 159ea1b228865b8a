"""``GET /api/v1/explain``: why a number of a series is what it is."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from msgspec import Struct

from dora_exporter.events import Series
from dora_exporter.explanation import (
    METRICS,
    CountedDeployment,
    CountedIncident,
    Explanation,
    Failure,
    WhyUnknown,
    add_unknown,
    explain,
)
from dora_exporter.readings import Readings
from dora_exporter.tracks import Window
from dora_exporter.web.access import Access, Right
from dora_exporter.web.answers import iso
from dora_exporter.web.errors import BadRequest, NotFound, as_json
from dora_exporter.web.operations import Operation, Parameter

LARGEST_LIST = 1000


class ShownFailure(Struct, frozen=True):
    """That a deployment failed, and by what that is known."""

    cause: str
    rule: str
    remedies: list[str]
    incidents: list[str]


class ShownLeadTime(Struct, frozen=True):
    """The lead time of a commit."""

    sha: str
    seconds: float


class ExplainedDeployment(Struct, frozen=True):
    """A deployment that the number is made of."""

    id: str
    started_at: str
    finished_at: str
    version: str | None
    commit_sha: str | None
    source: str
    failure: ShownFailure | None
    rework: bool
    lead_times: list[ShownLeadTime]
    recovery_seconds: float | None


class ExplainedIncident(Struct, frozen=True):
    """An incident that the number is made of: what it is attributed to, and by which rule or why to nothing."""

    id: str
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


class Value(Struct, frozen=True):
    """A sample of the gauge, with the labels that it has beside series and window."""

    labels: dict[str, str]
    value: float


class ExplainAnswer(Struct, frozen=True):
    """A gauge and what it is made of. ``numbers`` add up all events; a list shows the newest of them."""

    service: str
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


def _text(name: str, description: str) -> Parameter:
    return Parameter(name=name, description=description, schema={"type": "string"})


EXPLAIN = Operation(
    method="GET",
    path="/api/v1/explain",
    summary="Explain a number",
    right=Right.READ,
    parameters=(
        _text("service", "The service."),
        _text("environment", "The environment."),
        Parameter(name="metric", description="The gauge.", schema={"type": "string", "enum": sorted(METRICS)}),
        _text("window", "The window, as configured; the first one by default."),
    ),
    answer=ExplainAnswer,
    refusals=(400, 404),
)
OPERATIONS = (EXPLAIN,)


def routes(
    *, readings: Callable[[], Awaitable[Readings]], why_unknown: WhyUnknown, access: Access
) -> list[web.RouteDef]:
    """The route of explanations."""

    async def handle(request: web.Request) -> web.Response:
        series = Series(_asked(request, "service"), _asked(request, "environment"))
        metric = METRICS.get(_asked(request, "metric"))
        if metric is None:
            raise BadRequest(f'parameter "metric" must be one of {", ".join(sorted(METRICS))}')
        current = await readings()
        window = _window(request, current)
        timeline, group = current.timeline(series), current.tallies.series.get(series)
        if timeline is None or group is None:
            raise NotFound("no event of this service and environment is held")
        explanation = await explain(timeline, group.history, metric, window)
        add_unknown(explanation, why_unknown)
        return as_json(_answer(series, window, explanation))

    return [web.get(EXPLAIN.path, access.reads(handle))]


def _asked(request: web.Request, name: str) -> str:
    value = request.query.get(name)
    if not value:
        raise BadRequest(f'parameter "{name}" is missing')
    return value


def _window(request: web.Request, readings: Readings) -> Window:
    windows = {window.text: window for window in readings.windows()}
    window = windows.get(request.query.get("window", next(iter(windows))))
    if window is None:
        raise BadRequest(f'parameter "window" must be one of {", ".join(windows)}')
    return window


def _answer(series: Series, window: Window, explanation: Explanation) -> ExplainAnswer:
    metric = explanation.metric
    return ExplainAnswer(
        service=series.service,
        environment=series.environment,
        metric=metric.name,
        window=window.text,
        after=iso(window.start_ms),
        until=iso(window.end_ms),
        values=[
            Value(dict(zip(metric.labels, labels, strict=True)), value) for labels, value in explanation.values.items()
        ],
        numbers=explanation.numbers(),
        deployments=[_deployment(each) for each in explanation.deployments[:LARGEST_LIST]],
        incidents=[_incident(each) for each in explanation.incidents[:LARGEST_LIST]],
        left_out=[ShownLeftOut(each.kind, each.id, each.reason) for each in explanation.left_out[:LARGEST_LIST]],
        left_out_total=len(explanation.left_out),
    )


def _deployment(counted: CountedDeployment) -> ExplainedDeployment:
    deployment = counted.deployment
    return ExplainedDeployment(
        id=deployment.id,
        started_at=iso(deployment.started_at),
        finished_at=iso(deployment.finished_at),
        version=deployment.version,
        commit_sha=deployment.commit_sha,
        source=deployment.source,
        failure=_failure(counted.failure) if counted.failure else None,
        rework=counted.is_rework,
        lead_times=[ShownLeadTime(sha, value / 1000) for sha, value in counted.lead_times_ms],
        recovery_seconds=None if counted.recovery_ms is None else counted.recovery_ms / 1000,
    )


def _failure(failure: Failure) -> ShownFailure:
    return ShownFailure(failure.cause, failure.rule, list(failure.remedies), list(failure.incidents))


def _incident(counted: CountedIncident) -> ExplainedIncident:
    incident = counted.incident
    return ExplainedIncident(
        id=incident.id,
        name=incident.name,
        started_at=iso(incident.started_at),
        finished_at=None if incident.finished_at is None else iso(incident.finished_at),
        source=incident.source,
        attributed_to=counted.attributed_to,
        because=counted.because,
        restore_seconds=None if counted.restore_ms is None else counted.restore_ms / 1000,
    )
