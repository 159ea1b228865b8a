"""The HTTP application of the daemon: every endpoint, and the checks before it."""

from collections.abc import Iterable, Iterator

from aiohttp import web
from aiohttp.typedefs import Middleware

from dora_exporter.app.components import Components
from dora_exporter.web import application, management, pages, scrape
from dora_exporter.web.api import explain, git_metadata, numbers
from dora_exporter.web.application import require_ready
from dora_exporter.web.openapi import management_operations
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.server import route_prefix
from dora_exporter.web.server.rejections import counting
from dora_exporter.web.webhooks import endpoint as webhooks

OPERATIONS: tuple[Operation, ...] = (
    *application.EVENT_OPERATIONS,
    *explain.OPERATIONS,
    *numbers.OPERATIONS,
    *git_metadata.OPERATIONS,
    *webhooks.OPERATIONS,
    *management_operations.OPERATIONS,
    *pages.OPERATIONS,
)
"""What ``/openapi.json`` describes."""


def application_of(parts: Components) -> web.Application:
    """The application that serves the components."""
    return application.application(
        routes=[*_events(parts), *_webhooks(parts), *_numbers(parts), *_management(parts)],
        operations=OPERATIONS,
        access=parts.access.access,
        middlewares=_middlewares(parts),
        on_refusal=counting(parts.rejections.count),
        on_prepare=(application.counting_activity(parts.metrics.activity), *parts.access.on_prepare()),
        url=parts.settings.web.url,
    )


def _middlewares(parts: Components) -> Iterator[Middleware]:
    yield from parts.access.middlewares()
    yield require_ready(parts.startup.ready.is_set)
    yield from parts.storage.replication.middlewares


def _events(parts: Components) -> Iterable[web.RouteDef]:
    rules, access = parts.access.rules, parts.access.access
    yield from application.event_routes(
        store=parts.store,
        log=parts.storage.log,
        clock=parts.clock,
        rules=rules,
        access=access,
        superseded=parts.metrics.superseded,
        unknown=parts.unknown_attributes,
    )
    yield from parts.commits.routes(rules=rules, access=access, share=parts.storage.replication.share)


def _webhooks(parts: Components) -> Iterable[web.RouteDef]:
    yield from webhooks.routes(
        sources=parts.sources.running,
        context=parts.sources.context,
        may_write=parts.access.may_write,
        clock=parts.clock,
    )


def _numbers(parts: Components) -> Iterable[web.RouteDef]:
    engine, why_unknown, access = parts.metrics.current, parts.commits.why_unknown, parts.access.access
    yield from explain.routes(engine=engine, why_unknown=why_unknown, access=access)
    yield from numbers.routes(
        engine=engine, access=access, url=parts.settings.web.url, origins=lambda: parts.access.cors_origins
    )
    yield from scrape.routes(parts.metrics.exposed)
    yield from pages.routes(
        engine=engine,
        sources=parts.sources.running,
        why_unknown=why_unknown,
        edition=parts.configuration.edition,
        clock=parts.clock,
        access=access,
        url=parts.settings.web.url,
        lines=parts.lines,
        operations=OPERATIONS,
    )


def _management(parts: Components) -> Iterable[web.RouteDef]:
    web_settings = parts.settings.web
    reload = parts.configuration.reload if web_settings.enable_lifecycle else None
    yield from route_prefix.routes(web_settings.prefix)
    yield from management.routes(is_ready=parts.startup.ready.is_set, reload=reload)
