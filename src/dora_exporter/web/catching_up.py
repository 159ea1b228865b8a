"""Requests about what is held see what any replica had acknowledged before."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from dora_exporter.log import Unavailable
from dora_exporter.web import deployments, failures
from dora_exporter.web.errors import API_PREFIX, NotFound

_LISTS = {deployments.LIST.path, failures.LIST.path}


def catching_up(catch_up: Callable[[], Awaitable[None]]) -> Middleware:
    """A middleware for a log that others write too.

    While that is away, a request that only reads is told what is known, but not that something does not exist.
    """

    @web.middleware
    async def read_first(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_reading = request.method == "GET" or request.path in _LISTS
        if not request.path.startswith(API_PREFIX) or (request.method == "POST" and not is_reading):
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
