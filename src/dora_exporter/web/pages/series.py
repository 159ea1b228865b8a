"""``GET /series``: one series, its latest events and their results."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from dora_exporter.dora.events import Series
from dora_exporter.series.engine import Engine
from dora_exporter.series.explanation_subject import Subject
from dora_exporter.series.overview import days, figures
from dora_exporter.series.recent_events import RECENT, recent_events
from dora_exporter.series.summary import lines
from dora_exporter.web.openapi.operation import Operation, text_parameter
from dora_exporter.web.pages.kept_lines import usual_window
from dora_exporter.web.pages.page import page, refusal

UNKNOWN = "No events of this service and environment are stored."
BROKEN = "Computing the numbers of this service and environment failed. See the log."
PARAMETERS = tuple(text_parameter(name, f"The {name}.") for name in ("service", "environment"))
ONE_SERIES = Operation(
    method="GET",
    path="/series",
    summary="Page: the latest events of a series and their results",
    parameters=PARAMETERS,
    is_text=True,
    refusals=(404, 503),
)


def routes(*, engine: Callable[[], Awaitable[Engine]], edition: Callable[[], str]) -> list[web.RouteDef]:
    """The route of the page."""

    async def show(request: web.Request) -> web.Response:
        current = await engine()
        catalogue = current.definitions.catalogue
        subject = _asked(request).named(catalogue)
        series = Series(subject.name, subject.environment)
        if current.is_broken(series):
            return await refusal(503, BROKEN)
        told = await recent_events(current, series)
        if told is None:
            return await refusal(404, why_nothing(subject, current, UNKNOWN))
        windows = current.windows()
        return await page(
            "one_series.html",
            series=series,
            details=catalogue.details(series.service),
            sent_names=subject.sent_names(current),
            edition=edition(),
            told=told,
            recent=RECENT,
            now_ms=windows[0].end_ms,
            usual=usual_window(windows),
            lines=await lines([(series, told.measures)], windows[0].end_ms, edition()),
            days=days(told.measures, windows[0].end_ms),
            figures={window.text: figures(told.measures, window, edition()) for window in windows},
            anchors=anchors([each.deployment.id for each in told.deployments], "deployment"),
            incident_anchors=anchors([each.incident.id for each in told.incidents], "incident"),
        )

    return [web.get(ONE_SERIES.path, show)]


def _asked(request: web.Request) -> Subject:
    return Subject("service", request.query.get("service", ""), request.query.get("environment", ""))


def why_nothing(subject: Subject, engine: Engine, otherwise: str) -> str:
    """Why a page about a service or a team has nothing to show."""
    rule = subject.why_ignored(engine.definitions.catalogue)
    return otherwise if rule is None else f"These events are ignored by {rule} of the configuration."


def anchors(ids: list[str], kind: str) -> dict[str, str]:
    """The anchors of the events of a page, by their ids, which may hold what no anchor can."""
    return {each: f"{kind}-{number}" for number, each in enumerate(ids, start=1)}
