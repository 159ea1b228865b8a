"""``GET /sources``: how the sources are doing."""

from dataclasses import dataclass

from aiohttp import web

from dora_exporter.runtime.clock import Clock
from dora_exporter.sources.contract import Webhook
from dora_exporter.sources.polling import DeliveryRecord, RunningSource, RunningSources
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.pages.page import page

SOURCES = Operation(method="GET", path="/sources", summary="Page: the sources and their health", is_text=True)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as it is shown; moments are in milliseconds, None for what has not happened."""

    name: str
    kind: str
    state: str
    condition: str
    last_success_ms: int | None
    cursor_ms: int | None
    items: dict[str, int]
    open_items: int
    deliveries: list[DeliveryRecord] | None
    """The latest first; None where nothing is pushed."""


def routes(*, sources: RunningSources, clock: Clock) -> list[web.RouteDef]:
    """The route of the page."""

    async def show(_: web.Request) -> web.Response:
        rows = [_row(sources, each) for each in sources]
        return await page("sources.html", sources=rows, now_ms=clock())

    return [web.get(SOURCES.path, show)]


def _row(sources: RunningSources, running: RunningSource) -> SourceRow:
    health = running.health
    return SourceRow(
        name=running.name,
        kind=running.settings.kind,
        state={True: "works", False: "fails", None: "waits"}[health.is_up],
        condition=running.condition,
        last_success_ms=health.last_success_ms,
        cursor_ms=sources.cursor_ms(running),
        items={**health.items, "ignored": health.ignored.total()},
        open_items=sources.open_items(running),
        deliveries=list(health.deliveries) if isinstance(running.source, Webhook) else None,
    )
