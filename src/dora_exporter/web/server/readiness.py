"""Holds back requests for numbers and events until the snapshot has been read."""

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from dora_exporter.web.server.errors import NotNow

_OPEN = ("/-/", "/static/")


def gate(is_ready: Callable[[], bool]) -> Middleware:
    """A middleware that answers 503 while half of the events are read: half the numbers would be wrong numbers."""

    @web.middleware
    async def hold_back(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_ready() and not request.path.startswith(_OPEN):
            raise NotNow("the daemon is not ready: it is reading its snapshot")
        return await handler(request)

    return hold_back
