"""``GET /metrics``: the exposition, in the format and coding that the scraper asks for."""

from collections.abc import Iterator
from contextlib import suppress

from aiohttp import hdrs, web

from dora_exporter.exposition import Body, CurrentExposition, choose_format, is_gzip_accepted
from dora_exporter.runtime.cooperative import Turn

_LARGEST_WRITE = 128 * 1024


def routes(current: CurrentExposition) -> list[web.RouteDef]:
    """The route of the exposition."""

    async def scrape(request: web.Request) -> web.StreamResponse:
        headers = request.headers
        gzip = is_gzip_accepted(",".join(headers.getall(hdrs.ACCEPT_ENCODING, ())))
        body = await current.now.scrape(
            choose_format(",".join(headers.getall(hdrs.ACCEPT, ()))),
            gzip=gzip,
            names=frozenset(request.query.getall("name[]", ())) if request.query_string else frozenset(),
        )
        return await _respond(request, body, gzip=gzip)

    return [web.get("/metrics", scrape)]


async def _respond(request: web.Request, body: Body, *, gzip: bool) -> web.StreamResponse:
    headers: dict[str, str] = {hdrs.CONTENT_TYPE: body.content_type, hdrs.VARY: "Accept, Accept-Encoding"}
    if gzip:
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    if body.length <= _LARGEST_WRITE:
        return web.Response(body=b"".join(body.parts), headers=headers)
    return await _stream(request, body, headers)


async def _stream(request: web.Request, body: Body, headers: dict[str, str]) -> web.StreamResponse:
    """Sends a large body in slices, and yields in between: many large responses at once do not block the event loop."""
    response = web.StreamResponse(headers=headers)
    response.content_length = body.length
    await response.prepare(request)
    # A scraper that disconnects early is not an error.
    with suppress(ConnectionError):
        if request.method != hdrs.METH_HEAD:
            turn = Turn()
            if len(body.parts) > 1:  # one is not joined, and sent by the kernel
                await turn.give()
            for piece in _slices(body.parts):
                await response.write(piece)
                if turn.is_over:
                    await turn.give()
        await response.write_eof()
    return response


def _slices(parts: tuple[bytes, ...]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= _LARGEST_WRITE:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)
