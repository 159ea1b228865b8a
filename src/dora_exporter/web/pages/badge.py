"""``GET /badge/<service>/<environment>/<metric>.svg``: a number for a README."""

from collections.abc import Awaitable, Callable
from html import escape

from aiohttp import hdrs, web

from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.engine import Engine
from dora_exporter.series.explanation_subject import Subject
from dora_exporter.series.numbers import measures_of
from dora_exporter.series.overview import figure_of
from dora_exporter.web.openapi.operation import Operation, text_parameter
from dora_exporter.web.pages.formatting import figure
from dora_exporter.web.pages.kept_lines import usual_window
from dora_exporter.web.pages.page import refusal

FIGURES = {
    "deployment_frequency": ("deployment_frequency", "deployments per day"),
    "change_lead_time": ("change_lead_time", "change lead time"),
    "change_failure_rate": ("change_failure_rate", "change failure rate"),
    "time_to_restore": ("time_to_restore", "time to restore"),
    "recovery_time": ("failed_deployment_recovery_time", "recovery time"),
}
"""The number and the label of each badge."""
BADGE = Operation(
    method="GET",
    path="/badge/{service}/{environment}/{metric}.svg",
    summary="Badge: a number of a service as an image",
    parameters=(text_parameter("window", "The window, as configured; the one nearest to 30 days by default."),),
    is_text=True,
    refusals=(404,),
)
_HEADERS = {
    hdrs.CACHE_CONTROL: "max-age=300",
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}
_CHARACTER = 6.6
_PADDING = 6
_KNOWN, _UNKNOWN = "#2f41b8", "#5a6274"
_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{label}: {value}">'
    "<title>{label}: {value}</title>"
    '<clipPath id="r"><rect width="{width}" height="20" rx="3"/></clipPath>'
    '<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#3a3f4b"/>'
    '<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>'
    '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
    '<text x="{middle_left}" y="14" textLength="{text_left}">{label}</text>'
    '<text x="{middle_right}" y="14" textLength="{text_right}">{value}</text></g></svg>'
)


def routes(*, engine: Callable[[], Awaitable[Engine]]) -> list[web.RouteDef]:
    """The route of the badges. What is not known is a badge that says so: a 404 would be a broken image."""

    async def show(request: web.Request) -> web.Response:
        metric = request.match_info["metric"]
        if metric not in FIGURES:
            return await refusal(404, f"There are badges of {', '.join(FIGURES)}.")
        current = await engine()
        windows = current.windows()
        window = next((each for each in windows if each.text == request.query.get("window")), usual_window(windows))
        value = _value(current, request.match_info["service"], request.match_info["environment"], metric, window)
        picture = badge(f"{FIGURES[metric][1]} ({window.text})", value)
        return web.Response(text=picture, content_type="image/svg+xml", headers=_HEADERS)

    return [web.get(BADGE.path, show)]


def _value(engine: Engine, service: str, environment: str, metric: str, window: Window) -> str | None:
    """The number in words; None without one."""
    catalogue = engine.definitions.catalogue
    subject = Subject("service", catalogue.service(service), catalogue.environment(environment))
    measures = measures_of(engine, subject)
    name = FIGURES[metric][0]
    value = figure_of(name, measures, window) if measures else None
    return None if value is None else figure(value, name)


def badge(label: str, value: str | None) -> str:
    """A label and a value beside each other; grey and "unknown" without one."""
    shown = value or "unknown"
    text_left, text_right = (round(_CHARACTER * len(each)) for each in (label, shown))
    left, right = text_left + 2 * _PADDING, text_right + 2 * _PADDING
    return _SVG.format(
        label=escape(label),
        value=escape(shown),
        colour=_KNOWN if value else _UNKNOWN,
        width=left + right,
        left=left,
        right=right,
        middle_left=left / 2,
        middle_right=left + right / 2,
        text_left=text_left,
        text_right=text_right,
    )
