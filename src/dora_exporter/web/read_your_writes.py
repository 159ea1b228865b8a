"""Requests about stored events see every event that any replica acknowledged before."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from dora_exporter.dora.event_log import Unavailable
from dora_exporter.web.api import deployments, incidents
from dora_exporter.web.server.errors import API_PREFIX, NotFound

_READING = {"GET", "HEAD"}
_WEBHOOKS = ("/webhooks/", "/api/v2/webhook")
"""Their effect depends on the stored events."""
_LISTS = {deployments.LIST.path, incidents.LIST.path}


def catching_up(catch_up: Callable[[], Awaitable[None]]) -> Middleware:
    """A middleware for a log that others write too.

    While the log is unavailable, reads are answered from what is known, but never with 404.
    """

    @web.middleware
    async def read_first(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_reading = request.method in _READING or request.path in _LISTS
        is_creating = request.method == "POST" and not is_reading
        if not request.path.startswith(_WEBHOOKS) and (is_creating or not request.path.startswith(API_PREFIX)):
            return await handler(request)
        away: Unavailable | None = None
        try:
            await catch_up()
        except Unavailable as reason:
            if not is_reading:
                raise
            away = reason
        try:
            return await handler(request)
        except NotFound:
            if away is None:
                raise
            raise away from None

    return read_first
