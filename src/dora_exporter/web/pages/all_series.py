"""``GET /``: all series with their numbers, to be searched and sorted."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any

from aiohttp import web

from dora_exporter.dora.catalogue.tiers import TIERS
from dora_exporter.dora.metrics.report_thresholds import LEVELS
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.engine import Engine
from dora_exporter.series.overview import ORDERS, SeriesQuery, overview, selected, tiers_of
from dora_exporter.series.summary import summary
from dora_exporter.sources.polling import RunningSources
from dora_exporter.web.openapi.operation import Operation, text_parameter
from dora_exporter.web.pages.getting_started import getting_started
from dora_exporter.web.pages.kept_lines import KeptLines, usual_window
from dora_exporter.web.pages.levels import missing, scale
from dora_exporter.web.pages.page import page
from dora_exporter.web.pages.sentences import sentences
from dora_exporter.web.security.api_keys import Access

ALL = "all"
USUAL_ORDER = "change_failure_rate"


def _either(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}"


ALL_SERIES = Operation(
    method="GET",
    path="/",
    summary="Page: all series and their metrics",
    parameters=(
        text_parameter("q", "Text that the name of the service contains."),
        text_parameter("tier", f"The tier of environments: {_either(TIERS)}, or all; production by default."),
        text_parameter("environment", "The environment; of any tier by default."),
        text_parameter("team", "The team."),
        text_parameter("level", f"The level that one of the numbers has: {_either(LEVELS)}."),
        text_parameter("window", "The window, as configured; the one nearest to 30 days by default."),
        text_parameter("sort", f"What to sort by: {_either(ORDERS)}."),
        text_parameter("order", "The direction: asc or desc."),
        text_parameter("page", "The page of the table, from 1."),
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
    lines: KeptLines,
) -> list[web.RouteDef]:
    """The route of the page. Unknown values of parameters are replaced by defaults."""

    async def show(request: web.Request) -> web.Response:
        current = await engine()
        windows, tiers = current.windows(), tiers_of(current)
        question = _question(request, windows, edition(), tiers)
        now_ms = question.window.end_ms
        return await page(
            "all_series.html",
            question=question,
            windows=windows,
            tiers=[each for each in TIERS if each in tiers],
            orders=ORDERS,
            levels=scale(question.edition),
            missing_levels=missing(question.edition),
            parameters=_parameters(question),
            start=None if tiers else getting_started(request, url=url, has_keys=access.is_closed, now_ms=now_ms),
            sources_total=sum(1 for _ in sources),
            **await _shown(current, question, sources, lines),
        )

    return [web.get(ALL_SERIES.path, show)]


async def _shown(current: Engine, question: SeriesQuery, sources: RunningSources, lines: KeptLines) -> dict[str, Any]:
    """What the page shows of the series that a question selects, and of what is wrong."""
    chosen = await selected(current, question)
    found = await overview(current, question, chosen.series)
    summed = await summary(chosen.series, question.window, question.edition)
    failing = [each.name for each in sources if each.health.problem is not None]
    return {
        "found": found,
        "summed": summed,
        "lines": await lines.lines(current, question, chosen.series),
        "sentences": sentences(
            summed.findings, question.window, failing_sources=failing, broken_series=current.broken_series
        ),
        "environments": sorted(chosen.environments),
        "folded": current.census.series_folded,
        "sources_failing": len(failing),
    }


def _question(request: web.Request, windows: list[Window], edition: str, tiers: Collection[str]) -> SeriesQuery:
    asked = request.query.get
    order, page_number, environment = asked("sort", ""), asked("page", ""), asked("environment", "")
    usual = TIERS[0] if TIERS[0] in tiers and not environment else ""
    return SeriesQuery(
        window=next((each for each in windows if each.text == asked("window")), usual_window(windows)),
        edition=edition,
        text=asked("q", "").strip(),
        environment=environment,
        tier=_asked_tier(asked("tier", ""), usual),
        team=asked("team", ""),
        level=LEVELS.get(asked("level", "")),
        order=order if order in ORDERS else USUAL_ORDER,
        is_descending=asked("order", "desc" if order not in ORDERS else "asc") == "desc",
        page=max(1, int(page_number)) if _is_small_number(page_number) else 1,
    )


def _asked_tier(text: str, usual: str) -> str:
    if text == ALL:
        return ""
    return text if text in TIERS else usual


def _is_small_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < len("1000000")


def _parameters(question: SeriesQuery) -> dict[str, Any]:
    """The question as parameters of a link, without the page."""
    return {
        "q": question.text,
        "tier": question.tier or ALL,
        "environment": question.environment,
        "team": question.team,
        "level": next((name for name, number in LEVELS.items() if number == question.level), None),
        "window": question.window.text,
        "sort": question.order,
        "order": "desc" if question.is_descending else None,
    }
