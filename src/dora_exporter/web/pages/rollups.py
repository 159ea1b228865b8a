"""``GET /team`` and ``GET /group``: the numbers of a team or a group, and its services."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from dora_exporter.dora.events import Series
from dora_exporter.series.engine import Engine
from dora_exporter.series.explanation_subject import Subject
from dora_exporter.series.numbers import Selection, measures_of, select
from dora_exporter.series.overview import days, figures
from dora_exporter.series.summary import lines
from dora_exporter.web.openapi.operation import Operation, text_parameter
from dora_exporter.web.pages.kept_lines import usual_window
from dora_exporter.web.pages.page import page, refusal

UNKNOWN = "No events of this team or group and environment are stored."
MOST_SERVICES = 200
KINDS = ("team", "group")
OPERATIONS = tuple(
    Operation(
        method="GET",
        path=f"/{kind}",
        summary=f"Page: the numbers of a {kind} and its services",
        parameters=tuple(text_parameter(name, f"The {name}.") for name in (kind, "environment")),
        is_text=True,
        refusals=(404,),
    )
    for kind in KINDS
)


def routes(*, engine: Callable[[], Awaitable[Engine]], edition: Callable[[], str]) -> list[web.RouteDef]:
    """The routes of the pages."""
    return [web.get(f"/{kind}", _showing(kind, engine, edition)) for kind in KINDS]


def _showing(
    kind: str, engine: Callable[[], Awaitable[Engine]], edition: Callable[[], str]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def show(request: web.Request) -> web.Response:
        current = await engine()
        subject = Subject(kind, request.query.get(kind, ""), request.query.get("environment", ""))
        measures = measures_of(current, subject)
        if measures is None:
            return await refusal(404, UNKNOWN)
        windows = current.windows()
        usual = usual_window(windows)
        environment = subject.environment
        wanted = Selection(
            team=subject.name if kind == "team" else "",
            group=subject.name if kind == "group" else "",
            environment=environment,
        )
        services = await select(current, wanted)
        of_services = [(each, measures_of(current, each)) for each in services[:MOST_SERVICES]]
        return await page(
            "rollup.html",
            subject=subject,
            edition=edition(),
            measures=measures,
            now_ms=windows[0].end_ms,
            usual=usual,
            days=days(measures, windows[0].end_ms),
            lines=await lines([(Series(subject.name, environment), measures)], windows[0].end_ms, edition()),
            figures={window.text: figures(measures, window, edition()) for window in windows},
            services=[(each, figures(its, usual, edition())) for each, its in of_services if its is not None],
            services_total=len(services),
        )

    return show
