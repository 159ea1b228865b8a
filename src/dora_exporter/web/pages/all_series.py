"""``GET /``: all series with their numbers, to be searched and sorted."""

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from dora_exporter.dora.events import DAY_MS
from dora_exporter.dora.metrics.report_thresholds import LEVELS
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.engine import Engine
from dora_exporter.series.overview import ORDERS, SeriesQuery, overview
from dora_exporter.sources.polling import RunningSources
from dora_exporter.web.openapi.operation import Operation, Parameter
from dora_exporter.web.pages.getting_started import GettingStarted, getting_started
from dora_exporter.web.pages.page import page
from dora_exporter.web.security.api_keys import Access

_USUAL_DAYS = 30


def _parameter(name: str, description: str) -> Parameter:
    """The query parameters; unknown values are replaced by defaults."""
    return Parameter(name=name, description=description, schema={"type": "string"})


def _either(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}"


ALL_SERIES = Operation(
    method="GET",
    path="/",
    summary="Page: all series and their metrics",
    parameters=(
        _parameter("q", "What the name of the service holds."),
        _parameter("environment", "The environment."),
        _parameter("level", f"The level that one of the numbers has: {_either(LEVELS)}."),
        _parameter("window", "The window, as configured; the one nearest to 30 days by default."),
        _parameter("sort", f"What to sort by: {_either(ORDERS)}."),
        _parameter("order", "In which direction: asc or desc."),
        _parameter("page", "The page of the table, from 1."),
    ),
    is_text=True,
)


def routes(
    *,
    engine: Callable[[], Awaitable[Engine]],
    sources: RunningSources,
    edition: Callable[[], str],
    access: Access,
    url: str,
) -> list[web.RouteDef]:
    """The route of the page. Unknown values of parameters are replaced by defaults."""

    def start(request: web.Request, now_ms: int) -> GettingStarted:
        return getting_started(request, url=url, has_keys=access.is_closed, now_ms=now_ms)

    async def show(request: web.Request) -> web.Response:
        current = await engine()
        windows = current.windows()
        question = _question(request, windows, edition())
        found = await overview(current, question)
        return await page(
            "all_series.html",
            found=found,
            question=question,
            windows=windows,
            orders=ORDERS,
            levels=LEVELS,
            parameters=_parameters(question),
            start=None if found.environments else start(request, question.window.end_ms),
            folded=current.series_folded,
            sources_failing=sum(each.health.problem is not None for each in sources),
            sources_total=sum(1 for _ in sources),
        )

    return [web.get(ALL_SERIES.path, show)]


def usual_window(windows: list[Window]) -> Window:
    """The window that is shown unless another is asked for."""
    return min(windows, key=lambda window: abs(window.length_ms - _USUAL_DAYS * DAY_MS))


def _question(request: web.Request, windows: list[Window], edition: str) -> SeriesQuery:
    asked = request.query.get
    order, page_number = asked("sort", ""), asked("page", "")
    return SeriesQuery(
        window=next((each for each in windows if each.text == asked("window")), usual_window(windows)),
        edition=edition,
        text=asked("q", "").strip(),
        environment=asked("environment", ""),
        level=LEVELS.get(asked("level", "")),
        order=order if order in ORDERS else ORDERS[0],
        is_descending=asked("order") == "desc",
        page=max(1, int(page_number)) if _is_small_number(page_number) else 1,
    )


def _is_small_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < len("1000000")


def _parameters(question: SeriesQuery) -> dict[str, object]:
    """The question as parameters of a link, without the page."""
    return {
        "q": question.text,
        "environment": question.environment,
        "level": next((name for name, number in LEVELS.items() if number == question.level), None),
        "window": question.window.text,
        "sort": question.order,
        "order": "desc" if question.is_descending else None,
    }
