"""Headers that the configuration adds to every answer."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

OnPrepare = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


def adding(headers: Callable[[], Mapping[str, str]]) -> OnPrepare:
    """A receiver for ``on_response_prepare``, which reaches the answers to refused requests too."""

    async def add(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers())

    return add
