"""The pages for people: rendered here, without scripts, and with nothing from the network."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web
from aiohttp.typedefs import Handler

from dora_exporter.runtime.clock import Clock
from dora_exporter.series.engine import Engine
from dora_exporter.series.explanation import WhyUnknown
from dora_exporter.sources.polling import RunningSources
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.pages import all_series, api_page, badge, explain_page, names, rollups, series, static
from dora_exporter.web.pages import sources as sources_page
from dora_exporter.web.pages.kept_lines import KeptLines
from dora_exporter.web.security.api_keys import Access

OPERATIONS = (
    all_series.ALL_SERIES,
    series.ONE_SERIES,
    *rollups.OPERATIONS,
    explain_page.EXPLAIN,
    sources_page.SOURCES,
    names.NAMES,
    api_page.API,
    badge.BADGE,
    *static.OPERATIONS,
)


def routes(
    *,
    engine: Callable[[], Awaitable[Engine]],
    sources: RunningSources,
    why_unknown: WhyUnknown,
    edition: Callable[[], str],
    clock: Clock,
    access: Access,
    url: str,
    lines: KeptLines,
    operations: Iterable[Operation],
) -> list[web.RouteDef]:
    """The routes of the pages.

    ``edition`` is the report of DORA's that levels are taken from, ``url`` where others reach the daemon, or its path,
    ``lines`` those of the first one, ``operations`` what the page about the API describes.
    """
    computed = [
        *all_series.routes(engine=engine, sources=sources, edition=edition, access=access, url=url, lines=lines),
        *series.routes(engine=engine, edition=edition),
        *rollups.routes(engine=engine, edition=edition),
        *explain_page.routes(engine=engine, why_unknown=why_unknown),
        *api_page.routes(operations, access=access, url=url),
    ]
    return [
        *_one_at_a_time(computed),
        *_one_at_a_time(names.routes(engine=engine, clock=clock)),  # the first time it looks through all events
        *badge.routes(engine=engine),
        *sources_page.routes(sources=sources, clock=clock),
        *static.routes(),
    ]


def _one_at_a_time(pages: Iterable[web.RouteDef]) -> list[web.RouteDef]:
    """The routes of expensive pages, rendered one at a time.

    Unauthenticated clients can request any number at once: each would take turns on the event loop, and hold memory.
    """
    lock = asyncio.Lock()

    def alone(make: Handler) -> Handler:
        async def wait_and_make(request: web.Request) -> web.StreamResponse:
            async with lock:
                return await make(request)

        return wait_and_make

    return [web.get(each.path, alone(each.handler)) for each in pages]
