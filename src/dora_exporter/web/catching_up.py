"""Requests about what is held see what any replica had acknowledged before."""

import contextlib
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from dora_exporter.log import Unavailable
from dora_exporter.web import deployments, failures
from dora_exporter.web.errors import API_PREFIX

_LISTS = {deployments.LIST.path, failures.LIST.path}


def catching_up(catch_up: Callable[[], Awaitable[None]]) -> Middleware:
    """A middleware for a log that others write too. Without the log, what is known is what is told.

    A change is refused then: that there is nothing to change would be a final word about what others may hold.
    """

    @web.middleware
    async def read_first(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(API_PREFIX):
            if request.method == "GET" or request.path in _LISTS:
                with contextlib.suppress(Unavailable):
                    await catch_up()
            elif request.method != "POST":
                await catch_up()
        return await handler(request)

    return read_first
