"""Request bodies: read within limits, unpacked."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web

from dora_exporter.runtime.cooperative import Turn
from dora_exporter.web.server.byte_limit import ByteLimit
from dora_exporter.web.server.decompression import INFLATION_BYTES, PIECE_BYTES, Inflation
from dora_exporter.web.server.errors import BROKEN_FRAMING, BadRequest, NotNow, TooLong
from dora_exporter.web.server.limits import Rules

BYTE_LIMIT = web.AppKey("byte_limit", ByteLimit)
"""Bounds what is held of incomplete bodies, for all requests together."""

MOST_BYTES = 16 << 20
"""The limit of it, unless one body alone is longer."""

_ENCODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}


class IncomingBody:
    """A body that is being received. It is evicted when later ones need the memory."""

    def __init__(self, byte_limit: ByteLimit) -> None:
        """``byte_limit`` bounds what all of them hold together."""
        self._byte_limit = byte_limit
        self._deadline: asyncio.Timeout | None = None
        self._is_evicted = False

    def hold(self, count: int) -> None:
        """Sets how many bytes are held for it; raises ``NotNow`` when it was evicted."""
        if self._is_evicted:
            raise _too_many_bodies()
        self._byte_limit.hold(self, count)

    def evict(self) -> None:
        """Ends it at its next step, at once where it waits for data."""
        self._is_evicted = True
        if self._deadline is not None and not self._deadline.expired():  # one that expires cannot be rescheduled
            self._deadline.reschedule(0)

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Bounds the time of the block; raises ``BadRequest`` after ``seconds``, ``NotNow`` when it is evicted."""
        try:
            async with asyncio.timeout(seconds) as self._deadline:
                yield
        except TimeoutError as error:
            if self._is_evicted:
                raise _too_many_bodies() from None
            raise _too_slow(seconds) from error
        finally:
            self._deadline = None


@contextmanager
def incoming(request: web.Request) -> Iterator[IncomingBody]:
    """Counts what is held of a request's body, until the end of the block."""
    byte_limit = request.app[BYTE_LIMIT]
    body = IncomingBody(byte_limit)
    try:
        yield body
    finally:
        byte_limit.release(body)


async def read(request: web.Request, *, limit: int, seconds: float) -> bytes:
    """The whole body, unpacked. Raises what ``read_as_sent`` and ``unpacked`` raise."""
    return await unpacked(request, await read_as_sent(request, limit=limit, seconds=seconds), limit=limit)


async def read_as_sent(request: web.Request, *, limit: int, seconds: float) -> bytes:
    """The whole body, compressed if the client did so.

    Raises ``BadRequest`` when it is longer than ``limit`` bytes, does not arrive within ``seconds``, or is broken, and
    ``NotNow`` when too many come in at once. Needs a server that leaves the unpacking to us
    (``dora_exporter.web.runner``).
    """
    if request.content_length is not None and request.content_length > limit:
        raise _too_long(limit)
    if request.content.is_eof():
        body = request.content.read_nowait()
        if len(body) > limit:
            raise _too_long(limit)
        return body
    with incoming(request) as body_coming:
        async with body_coming.within(seconds):
            return await _joined(request, limit, body_coming)


async def unpacked(request: web.Request, body: bytes, *, limit: int) -> bytes:
    """What a body unpacks to, a few milliseconds at a time, and one body at a time however many there are.

    Raises ``BadRequest`` as soon as that is longer than ``limit`` bytes, or is broken, and ``NotNow`` when too many
    are unpacked at once.
    """
    inflation = _inflation(request)
    if inflation is None:
        return body
    turn = Turn()
    plain, length = [], 0
    with incoming(request) as held:
        held.hold(len(body) + INFLATION_BYTES)
        await turn.give()
        for piece in _pieces_of(body, inflation):
            plain.append(piece)
            length += len(piece)
            if length > limit:
                raise _too_long(limit)
            held.hold(len(body) + INFLATION_BYTES + length)
            if turn.is_over:
                await turn.give()
    return b"".join(plain)


async def read_within(request: web.Request, rules: Rules) -> bytes:
    """The whole body of a request that carries one event or one question."""
    return await read(request, limit=rules.max_body_bytes, seconds=rules.body_seconds)


async def pieces(request: web.Request, coming: IncomingBody, *, seconds: float) -> AsyncIterator[bytes]:
    """The body in unpacked pieces, each waited for at most ``seconds``. Raises ``BadRequest`` where it breaks."""
    inflation = _inflation(request)
    content = request.content
    while True:
        try:
            async with coming.within(seconds):
                data = await content.readany()
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


async def _joined(request: web.Request, limit: int, coming: IncomingBody) -> bytes:
    body, length = [], 0
    while data := await request.content.readany():
        body.append(data)
        length += len(data)
        if length > limit:
            raise _too_long(limit)
        coming.hold(length)
    return b"".join(body)


def _pieces_of(body: bytes, inflation: Inflation) -> Iterator[bytes]:
    for start in range(0, len(body), PIECE_BYTES):
        yield from inflation.feed(body[start : start + PIECE_BYTES])
    inflation.finish()


def _inflation(request: web.Request) -> Inflation | None:
    named = request.headers.get("Content-Encoding", "identity").strip().lower()
    if named in ("", "identity"):
        return None
    encoding = _ENCODINGS.get(named)
    if encoding is None:
        raise BadRequest("the header Content-Encoding must be gzip, deflate or identity")
    return Inflation(encoding)


def _too_many_bodies() -> NotNow:
    return NotNow("too many large request bodies at once")


def _too_long(limit: int) -> TooLong:
    return TooLong(f"the request body is longer than {limit} bytes")


def _too_slow(seconds: float) -> BadRequest:
    return BadRequest(f"the rest of the request body was not received within {seconds:g} s")
