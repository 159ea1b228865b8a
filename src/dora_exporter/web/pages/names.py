"""``GET /names``: the names that no entry of the configuration knows."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from dora_exporter.runtime.clock import Clock
from dora_exporter.series.engine import Engine
from dora_exporter.series.unmapped_names import NameCounts
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.pages.page import page

NAMES = Operation(
    method="GET", path="/names", summary="Page: the names that no entry of the configuration knows", is_text=True
)


def routes(*, engine: Callable[[], Awaitable[Engine]], clock: Clock) -> list[web.RouteDef]:
    """The route of the page."""
    counts = NameCounts()

    async def show(_: web.Request) -> web.Response:
        return await page("names.html", found=await counts.unmapped(await engine()), now_ms=clock())

    return [web.get(NAMES.path, show)]
