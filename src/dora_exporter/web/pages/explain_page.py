"""``GET /explain``: a page that explains a number."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.engine import Engine
from dora_exporter.series.explanation import METRICS, Explanation, WhyUnknown, add_unknown
from dora_exporter.series.explanation_subject import KINDS, Subject, metric_of
from dora_exporter.web.openapi.operation import Operation, text_parameter
from dora_exporter.web.pages.causes import LARGEST_LIST, SHOWN, causes
from dora_exporter.web.pages.kept_lines import usual_window
from dora_exporter.web.pages.page import page, refusal
from dora_exporter.web.pages.series import PARAMETERS, anchors, why_nothing

BROKEN = "Computing the numbers of this service and environment failed. See the log."
UNKNOWN = "No events of this service, team, group or value and environment are stored."
EXPLAIN = Operation(
    method="GET",
    path="/explain",
    summary="Page: the explanation of a number",
    parameters=(
        *PARAMETERS,
        text_parameter("team", "The team, instead of a service."),
        text_parameter("group", "The group, instead of a service."),
        text_parameter("dimension", "The dimension, instead of a service."),
        text_parameter("value", "Its value."),
        text_parameter("metric", "The gauge.", enum=sorted(METRICS)),
        text_parameter("window", "The window, as configured; the one nearest to 30 days by default."),
    ),
    is_text=True,
    refusals=(400, 404, 503),
)


def routes(*, engine: Callable[[], Awaitable[Engine]], why_unknown: WhyUnknown) -> list[web.RouteDef]:
    """The route of the page."""

    async def show(request: web.Request) -> web.Response:
        subject = _asked_subject(request)
        if subject is None:
            return await refusal(400, "Name a service, a team, a group or a dimension, and no more than one.")
        metric = metric_of(subject, request.query.get("metric", "dora_change_failure_rate"))
        if metric is None:
            return await refusal(400, "This metric is unknown or has no explanation.")
        current = await engine()
        subject = subject.named(current.definitions.catalogue)
        windows = {window.text: window for window in current.windows()}
        window = windows.get(request.query.get("window", usual_window([*windows.values()]).text))
        if window is None:
            return await refusal(400, "This window is not configured.")
        if subject.is_broken(current):
            return await refusal(503, BROKEN)
        explanation = await subject.explain(current, metric, window)
        if explanation is None:
            return await refusal(404, why_nothing(subject, current, UNKNOWN))
        add_unknown(explanation, why_unknown)
        return await page(
            "explanation.html",
            subject=subject,
            sent_names=subject.sent_names(current),
            window=window,
            windows=[*windows],
            metrics=sorted(METRICS),
            **await _shown(explanation, window),
        )

    return [web.get(EXPLAIN.path, show)]


async def _shown(explanation: Explanation, window: Window) -> dict[str, Any]:
    """What the page shows of an explanation."""
    numbers = explanation.numbers()
    found = await asyncio.to_thread(causes, explanation)
    deployments = [*found.deployments, *found.other_deployments[: LARGEST_LIST - SHOWN]]
    incidents = [*found.incidents, *found.other_incidents[: LARGEST_LIST - SHOWN]]
    return {
        "explanation": explanation,
        "numbers": numbers,
        "sum": explanation.metric.basis.in_words(numbers, window),
        "causes": found,
        "most": LARGEST_LIST,
        "most_others": LARGEST_LIST - SHOWN,
        "now_ms": window.end_ms,
        "anchors": anchors([each.deployment.id for each in deployments], "deployment"),
        "incident_anchors": anchors([each.incident.id for each in incidents], "incident"),
    }


def _asked_subject(request: web.Request) -> Subject | None:
    """What a request names; None where it names several."""
    named = [kind for kind in KINDS if request.query.get(kind)] or ["service"]
    if len(named) > 1:
        return None
    name, environment = request.query.get(named[0], ""), request.query.get("environment", "")
    if named[0] == "dimension":
        return Subject("dimension", request.query.get("value", ""), environment, name)
    return Subject(named[0], name, environment)
