"""A body kept on disk while it comes in, so that many large ones do not fill the memory."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import IO

from dora_exporter.web.server.decompression import PIECE_BYTES
from dora_exporter.web.server.errors import NotNow, TooLong

_IN_MEMORY_BYTES = 64 << 10
_ON_DISK_COUNTS = 16
"""The number of bytes on disk that count as one byte of memory."""


class SpooledBody:
    """Stores bytes up to a limit, then reads them."""

    def __init__(self, file: IO[bytes], *, limit: int) -> None:
        """``file`` is empty."""
        self._file = file
        self._limit = limit
        self._size = 0

    @property
    def held(self) -> int:
        """Its cost, in bytes of memory."""
        return self._size if self._size <= _IN_MEMORY_BYTES else _IN_MEMORY_BYTES + self._size // _ON_DISK_COUNTS

    async def write(self, piece: bytes) -> None:
        """Appends bytes; raises ``TooLong`` on the byte after the limit and ``NotNow`` when the disk takes none."""
        self._size += len(piece)
        if self._size > self._limit:
            raise TooLong(f"must not be longer than {self._limit} bytes when atomic")
        try:
            await asyncio.to_thread(self._file.write, piece)
        except OSError as error:
            raise NotNow(f"cannot write to the temporary folder: {error.strerror}") from error

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes written, from the beginning."""
        await asyncio.to_thread(self._file.seek, 0)
        while piece := await asyncio.to_thread(self._file.read, PIECE_BYTES):
            yield piece


@contextmanager
def spooled_body(*, limit: int) -> Iterator[SpooledBody]:
    """A spool for ``limit`` bytes. What is on disk has no name, and is gone at the end."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        yield SpooledBody(file, limit=limit)
