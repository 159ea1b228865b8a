"""The HTTP surface: the table of its endpoints, and what they have in common."""

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from dora_exporter.dora.event_log import EventLog
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.store import EventStore
from dora_exporter.exposition import Activity
from dora_exporter.runtime.clock import Clock
from dora_exporter.web.api import correlations, deployments, event_endpoints, incidents, validate, verdicts
from dora_exporter.web.api.bulk import bulk_endpoint
from dora_exporter.web.api.schema.decode import UnknownAttributes
from dora_exporter.web.openapi import document
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.server import request_body
from dora_exporter.web.server.byte_limit import ByteLimit
from dora_exporter.web.server.errors import (
    API_PREFIX,
    BadRequest,
    NotNow,
    OnRefusal,
    as_json,
    refuse_in_json,
)
from dora_exporter.web.server.headers import OnPrepare
from dora_exporter.web.server.limits import CurrentRules
from dora_exporter.web.server.runner import Runner

EVENT_OPERATIONS: tuple[Operation, ...] = (
    *deployments.OPERATIONS,
    *incidents.OPERATIONS,
    *verdicts.OPERATIONS,
    *validate.OPERATIONS,
    *bulk_endpoint.OPERATIONS,
    *correlations.OPERATIONS,
)


_READING = (hdrs.METH_GET, hdrs.METH_HEAD)
_OF_ONE_EVENT = frozenset(each.path for each in (*deployments.DEPLOYMENTS.creates, *incidents.INCIDENTS.creates))
_SERVED_BEFORE_READY = ("/-/", "/static/")
SHUTDOWN_SECONDS = 1.5
"""The time that a stop waits for requests, and then again for those that it cancelled."""


def event_routes(
    *,
    store: EventStore,
    log: EventLog,
    clock: Clock,
    rules: CurrentRules,
    access: Access,
    superseded: event_endpoints.Superseded[Deployment] = event_endpoints.none_superseded,
    unknown: UnknownAttributes | None = None,
) -> list[web.RouteDef]:
    """The endpoints that store and show events. ``unknown`` counts unknown attributes."""
    unknown = unknown or UnknownAttributes()
    return [
        *event_endpoints.routes(
            deployments.DEPLOYMENTS,
            store=store,
            log=log,
            clock=clock,
            rules=rules,
            access=access,
            superseded=superseded,
            unknown=unknown,
        ),
        *event_endpoints.routes(
            incidents.INCIDENTS, store=store, log=log, clock=clock, rules=rules, access=access, unknown=unknown
        ),
        *verdicts.routes(store=store, log=log, rules=rules, access=access),
        *validate.routes(access=access),
        *correlations.routes(store=store, log=log, clock=clock, rules=rules, access=access),
        *bulk_endpoint.routes(store=store, log=log, clock=clock, rules=rules, access=access, unknown=unknown),
    ]


def application(
    *,
    routes: Iterable[web.RouteDef],
    operations: Iterable[Operation],
    access: Access,
    middlewares: Iterable[Middleware] = (),
    on_prepare: Iterable[OnPrepare] = (),
    on_refusal: OnRefusal | None = None,
    url: str = "",
) -> web.Application:
    """The application with these endpoints; ``/openapi.json`` describes those of ``operations``, served at ``url``.

    ``middlewares`` run in their order, inside of the one that turns refusals into answers. ``on_prepare`` is asked
    before each answer is sent, ``on_refusal`` is told what is refused.
    """
    app = web.Application(middlewares=[refuse_in_json(on_refusal), *middlewares])
    app[request_body.BYTE_LIMIT] = ByteLimit(request_body.MOST_BYTES)
    for route in (*routes, *document.routes(operations, access=access, url=url)):
        expecting = {"expect_handler": _expect, **route.kwargs}
        web.RouteDef(route.method, route.path, route.handler, expecting).register(app.router)
    app.on_response_prepare.extend((_hide_server, *on_prepare))
    return app


def require_ready(is_ready: Callable[[], bool]) -> Middleware:
    """A middleware that answers 503 until all events are read: numbers of a part of them would be wrong."""

    @web.middleware
    async def refuse_until_ready(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_ready() and not request.path.startswith(_SERVED_BEFORE_READY):
            raise NotNow("the daemon is not ready: it is reading its snapshot")
        return await handler(request)

    return refuse_until_ready


def runner(app: web.Application, *, prefix: str = "") -> web.AppRunner:
    """The runner that the application needs: bodies are unpacked here, within limits, and not by aiohttp.

    What is asked for below ``prefix`` is what the application has at its root.
    """
    return Runner(
        app,
        prefix=prefix,
        logger=logging.getLogger(f"{__name__}.server"),
        auto_decompress=False,
        access_log=None,
        keepalive_timeout=75.0,
        lingering_time=2.0,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """Answers ``Expect``; an unknown expectation is refused here, because no middleware runs before this."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        if request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None
    refusal = BadRequest("the header Expect must be 100-continue")
    return as_json(refusal.body(), status=refusal.status if request.path.startswith(API_PREFIX) else 417)


def counting_activity(activity: Activity) -> OnPrepare:
    """Counts the requests that may change what the daemon says of itself: all but reading, and storing one event."""

    async def count(request: web.Request, response: web.StreamResponse) -> None:
        is_usual = request.method in _READING or request.path in _OF_ONE_EVENT
        if not is_usual or response.status >= HTTPStatus.BAD_REQUEST:
            activity.count += 1

    return count


async def _hide_server(_request: web.Request, response: web.StreamResponse) -> None:
    """Hides the Server header."""
    response.headers.pop(hdrs.SERVER, None)
