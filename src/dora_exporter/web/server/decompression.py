"""Compressed request bodies, unpacked in small pieces."""

import zlib
from collections.abc import Iterator

from dora_exporter.web.server.errors import BadRequest

PIECE_BYTES = 65_536
INFLATION_BYTES = 48 << 10
"""About what a stream takes while it is unpacked."""

_MAX_MEMBERS = 1000
_MAX_RATIO = 200
_RATIO_COUNTS_FROM_BYTES = 16 << 20
_GZIP = 16 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS
_DEFLATE_METHOD = 8


class Inflation:
    """Unpacks one gzip or deflate stream. A bomb is refused once it unfolds more than a true event list would.

    Raises ``BadRequest`` for what is no such stream.
    """

    def __init__(self, encoding: str) -> None:
        """``encoding`` is ``gzip`` or ``deflate``."""
        self._encoding = encoding
        self._engine = zlib.decompressobj(_GZIP if encoding == "gzip" else zlib.MAX_WBITS)
        self._members = 1
        self._fed = 0
        self._produced = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Unpacks the next bytes, in pieces of at most ``PIECE_BYTES``."""
        if not self._fed and self._encoding == "deflate" and data and data[0] & 0xF != _DEFLATE_METHOD:
            self._engine = zlib.decompressobj(_RAW)  # some clients send deflate without its zlib header
        self._fed += len(data)
        is_full = False
        while data or is_full:
            if self._engine.eof:
                if not data:
                    return
                self._start_member()
            piece = self._unpack(data)
            is_full = len(piece) == PIECE_BYTES
            data = self._engine.unused_data if self._engine.eof else self._engine.unconsumed_tail
            if piece:
                yield piece

    def finish(self) -> None:
        """Raises ``BadRequest`` when the stream is cut off."""
        if self._fed and not self._engine.eof:
            raise BadRequest(f"the {self._encoding} body ends in the middle")

    def _unpack(self, data: bytes) -> bytes:
        try:
            piece = self._engine.decompress(data, PIECE_BYTES)
        except zlib.error as error:
            raise BadRequest(f"the body is not valid {self._encoding}") from error
        self._produced += len(piece)
        if self._produced > max(_RATIO_COUNTS_FROM_BYTES, _MAX_RATIO * self._fed):
            raise BadRequest(f"the {self._encoding} body unpacks to more than {_MAX_RATIO} times its size")
        return piece

    def _start_member(self) -> None:
        """Every member copies the bytes after it, so their number is bounded."""
        self._members += 1
        if self._encoding != "gzip" or self._members > _MAX_MEMBERS:
            raise BadRequest(f"the {self._encoding} body has too many members")
        self._engine = zlib.decompressobj(_GZIP)
