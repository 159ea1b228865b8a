"""Receives the multipart body of a pack upload, piece by piece."""

import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from aiohttp import BadContentDispositionHeader, BadContentDispositionParam, BodyPartReader, hdrs, web

from dora_exporter.web.api.upload_slots import Slot
from dora_exporter.web.server.errors import BadAttribute, BadRequest

# aiohttp warns of every bad head of a part, and Python remembers each warning that it does not ignore
for kind in (BadContentDispositionHeader, BadContentDispositionParam):
    warnings.filterwarnings("ignore", category=kind)

_FLAWS = (ValueError, AssertionError, RuntimeError, LookupError, TypeError, AttributeError)
_MULTIPART = "multipart/form-data"
_MAX_PARTS = 10
_MAX_JSON_PART = 65_536
_PIECE_BYTES = 1 << 16
_WRITTEN_AT_ONCE = 256 << 10
_Result = TypeVar("_Result")

Write = Callable[[bytes], Awaitable[None]]
"""Appends bytes to where the pack is kept."""


class PackfileBody:
    """The body of one request."""

    def __init__(self, request: web.Request, slot: Slot, *, seconds: float, max_pack_bytes: int) -> None:
        """Each piece has to come within ``seconds``."""
        self._request = request
        self._slot = slot
        self._seconds = seconds
        self._max_pack_bytes = max_pack_bytes

    async def receive(self, write: Write) -> bytes:
        """Passes the part ``packfile`` to ``write``; returns the part ``pushedSha``.

        Raises ``BadRequest``, and ``NotNow`` when the slot is needed for another upload.
        """
        said: bytes | None = None
        has_pack = False
        async for name, part in self._parts():
            if name == "pushedSha":
                said = b"".join([piece async for piece in self._pieces(part, _MAX_JSON_PART)])
            elif name == "packfile":
                await self._write(part, write)
                has_pack = True
            else:
                raise BadRequest("the parts of the body must be pushedSha and packfile")
        if said is None:
            raise BadAttribute("pushedSha", "is required")
        if not has_pack:
            raise BadAttribute("packfile", "is required")
        self._slot.is_receiving = False
        return said

    async def _parts(self) -> AsyncIterator[tuple[str | None, BodyPartReader]]:
        """The parts with their names."""
        if self._request.content_type != _MULTIPART:
            raise BadRequest(f"the header Content-Type must be {_MULTIPART}")
        if self._request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            raise BadRequest("the header Content-Encoding must be identity")
        with _broken_parts_refused():
            reader = await self._request.multipart()
        for _ in range(_MAX_PARTS):
            part = await self._read(reader.next)
            if part is None:
                return
            if not isinstance(part, BodyPartReader):
                raise BadRequest("a part of the body must not be multipart itself")
            with _broken_parts_refused():
                name = part.name
            yield name, part
        raise BadRequest("the body has too many parts")

    async def _pieces(self, part: BodyPartReader, limit: int) -> AsyncIterator[bytes]:
        length = 0
        while not part.at_eof():
            piece = await self._read(partial(part.read_chunk, _PIECE_BYTES))
            length += len(piece)
            self._slot.received += len(piece)
            if length > limit:
                raise BadAttribute(part.name or "", f"must not be longer than {limit} bytes")
            yield piece

    async def _write(self, part: BodyPartReader, write: Write) -> None:
        collected = bytearray()
        async for piece in self._pieces(part, self._max_pack_bytes):
            collected += piece
            if len(collected) >= _WRITTEN_AT_ONCE:
                await write(bytes(collected))
                collected.clear()
        await write(bytes(collected))

    async def _read(self, step: Callable[[], Awaitable[_Result]]) -> _Result:
        async with self._slot.within(self._seconds):
            with _broken_parts_refused():
                return await step()


@contextmanager
def _broken_parts_refused() -> Iterator[None]:
    """Answers 400 for what aiohttp raises when a body, or the head of a part, is malformed."""
    try:
        yield
    except (*_FLAWS, Warning) as error:
        raise BadRequest("the body is not valid multipart/form-data") from error
