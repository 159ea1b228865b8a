"""``GET /api/v1/explain``: why a number of a series, a team, a group or a dimension is what it is."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from dora_exporter.dora.reserved import RESERVED
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.engine import Engine
from dora_exporter.series.explanation import METRICS, WhyUnknown, add_unknown
from dora_exporter.series.explanation_subject import KINDS, Subject, metric_of
from dora_exporter.web.api.schema.explanation import ExplainAnswer, answer
from dora_exporter.web.openapi.operation import Operation, text_parameter
from dora_exporter.web.security.api_keys import Access, Right
from dora_exporter.web.server.errors import BadRequest, NotFound, NotNow, as_json

EXPLAIN = Operation(
    method="GET",
    path="/api/v1/explain",
    summary="Explain a number",
    right=Right.READ,
    parameters=(
        text_parameter("service", "The service: this, `team`, `group` or `dimension`."),
        text_parameter("team", "The team: the events of all its services are explained."),
        text_parameter("group", "The group: the events of all its services and teams, and of the groups below it."),
        text_parameter("dimension", "The dimension, of which `value` is explained."),
        text_parameter("value", "The value of the dimension."),
        text_parameter("environment", "The environment. Required."),
        text_parameter(
            "metric",
            "The gauge. For a team its name may begin with `dora_team_`, for others likewise. Required.",
            enum=sorted(METRICS),
        ),
        text_parameter("window", "The window, as configured; the first one by default."),
    ),
    answer=ExplainAnswer,
    refusals=(400, 404, 503),
)
OPERATIONS = (EXPLAIN,)


def routes(*, engine: Callable[[], Awaitable[Engine]], why_unknown: WhyUnknown, access: Access) -> list[web.RouteDef]:
    """The route of explanations."""

    async def handle(request: web.Request) -> web.Response:
        asked, name = _subject(request), _asked(request, "metric")
        metric = metric_of(asked, name)
        if metric is None:
            raise BadRequest(f'parameter "metric" must be one of {", ".join(sorted(METRICS))}')
        current = await engine()
        subject = asked.named(current.definitions.catalogue)
        window = _window(request, current)
        if subject.is_broken(current):
            raise NotNow("computing the numbers of this service and environment failed: see the log")
        explanation = await subject.explain(current, metric, window)
        if explanation is None:
            raise NotFound(_why_nothing(subject, current))
        add_unknown(explanation, why_unknown)
        return as_json(await answer(subject, name, window, explanation, subject.sent_names(current)))

    return [web.get(EXPLAIN.path, access.reads(handle))]


def _why_nothing(subject: Subject, engine: Engine) -> str:
    rule = subject.why_ignored(engine.definitions.catalogue)
    if rule is not None:
        return f"the events of this {subject.kind} and environment are ignored by {rule} of the configuration"
    if RESERVED in (subject.name, subject.environment):
        return f'"{RESERVED}" is the sum of all beyond limits.series: each can be explained by its own name'
    return f"there are no events of this {subject.kind} and environment"


def _subject(request: web.Request) -> Subject:
    given = [kind for kind in KINDS if request.query.get(kind)]
    if not given:
        raise BadRequest('parameter "service", "team", "group" or "dimension" is missing')
    if len(given) > 1:
        raise BadRequest(f'parameters "{given[0]}" and "{given[1]}" exclude each other')
    named, environment = _asked(request, given[0]), _asked(request, "environment")
    if given[0] == "dimension":
        return Subject("dimension", _asked(request, "value"), environment, named)
    return Subject(given[0], named, environment)


def _asked(request: web.Request, name: str) -> str:
    values = request.query.getall(name, [""])
    if len(values) > 1:
        raise BadRequest(f'parameter "{name}" is given more than once')
    if not values[0]:
        raise BadRequest(f'parameter "{name}" is missing')
    return values[0]


def _window(request: web.Request, engine: Engine) -> Window:
    windows = {window.text: window for window in engine.windows()}
    window = windows.get(_asked(request, "window") if "window" in request.query else next(iter(windows)))
    if window is None:
        raise BadRequest(f'parameter "window" must be one of {", ".join(windows)}')
    return window
