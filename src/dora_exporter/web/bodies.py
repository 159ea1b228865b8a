"""Request bodies: read within limits, unpacked."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from dora_exporter.web.errors import BROKEN_FRAMING, BadRequest, TooLong
from dora_exporter.web.inflation import Inflation
from dora_exporter.web.rules import Rules

_ENCODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}


async def read(request: web.Request, *, limit: int, seconds: float) -> bytes:
    """The whole body, unpacked.

    Raises ``BadRequest`` when it is longer than ``limit`` bytes, does not arrive within ``seconds``, or is broken.
    Needs a server that leaves the unpacking to us (``dora_exporter.web.runner``).
    """
    if request.content_length is not None and request.content_length > limit:
        raise _too_long(limit)
    if request.content.is_eof():
        if _inflation(request) is None:
            body = request.content.read_nowait()
            if len(body) > limit:
                raise _too_long(limit)
            return body
        return await _joined(request, limit)
    try:
        async with asyncio.timeout(seconds):
            return await _joined(request, limit)
    except TimeoutError as error:
        raise _too_slow(seconds) from error


async def read_within(request: web.Request, rules: Rules) -> bytes:
    """The whole body of a request that carries one event or one question."""
    return await read(request, limit=rules.max_body_bytes, seconds=rules.body_seconds)


async def pieces(request: web.Request, *, seconds: float) -> AsyncIterator[bytes]:
    """The body in unpacked pieces, each waited for at most ``seconds``. Raises ``BadRequest`` where it breaks."""
    inflation = _inflation(request)
    content = request.content
    while True:
        try:
            async with asyncio.timeout(seconds):
                data = await content.readany()
        except TimeoutError as error:
            raise _too_slow(seconds) from error
        except web.RequestPayloadError as error:
            raise BadRequest(BROKEN_FRAMING) from error
        if not data:
            break
        if inflation is None:
            yield data
        else:
            for piece in inflation.feed(data):
                yield piece
    if inflation is not None:
        inflation.finish()


async def _joined(request: web.Request, limit: int) -> bytes:
    inflation = _inflation(request)
    content = request.content
    body = bytearray()
    while data := await content.readany():
        for piece in (data,) if inflation is None else inflation.feed(data):
            body += piece
            if len(body) > limit:
                raise _too_long(limit)
    if inflation is not None:
        inflation.finish()
    return bytes(body)


def _inflation(request: web.Request) -> Inflation | None:
    named = request.headers.get("Content-Encoding", "identity").strip().lower()
    if named in ("", "identity"):
        return None
    encoding = _ENCODINGS.get(named)
    if encoding is None:
        raise BadRequest("the header Content-Encoding must be gzip, deflate or identity")
    return Inflation(encoding)


def _too_long(limit: int) -> TooLong:
    return TooLong(f"the request body is longer than {limit} bytes")


def _too_slow(seconds: float) -> BadRequest:
    return BadRequest(f"the rest of the request body did not arrive within {seconds:g} s")
