"""Pieces of text, each deflated on its own, that join into one gzip member."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain

from dora_exporter.exposition.crc32 import EMPTY, Checksum, checksum, combine

_LEVEL = 4  # 6 takes 1.5 times as long on lines of samples, for 3 % less
_MAGIC_DEFLATE_NO_NAME_NO_TIME = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK_EMPTY = b"\x03\x00"


@dataclass(frozen=True, slots=True)
class Piece:
    """A text together with its deflated form, which ends at a byte and refers to nothing before itself.

    Both are kept as the lines, or the pieces, that they were made of: a copy would take as much memory again.
    """

    content: tuple["bytes | Piece", ...]
    deflated: tuple[bytes, ...]
    checksum: Checksum

    @property
    def parts(self) -> tuple[bytes, ...]:
        """The text, in parts."""
        return tuple(chain.from_iterable([(each,) if isinstance(each, bytes) else each.parts for each in self.content]))


def deflate(*lines: bytes) -> Piece:
    """A piece made of lines."""
    text = b"".join(lines)
    if not text:
        return Piece((), (), EMPTY)
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = compressor.compress(text) + compressor.flush(zlib.Z_FULL_FLUSH)
    return Piece(lines, (deflated,), checksum(text))


def concatenate(pieces: Sequence[Piece], total: Checksum) -> Piece:
    """One piece made of many whose checksum is known."""
    return Piece(tuple(pieces), tuple(chain.from_iterable([piece.deflated for piece in pieces])), total)


def gzip_member(pieces: Sequence[Piece]) -> bytes:
    """One gzip member that holds the text of the pieces in order; equal pieces give equal bytes."""
    total = reduce(combine, [piece.checksum for piece in pieces], EMPTY)
    return b"".join(
        [
            _MAGIC_DEFLATE_NO_NAME_NO_TIME,
            *chain.from_iterable([piece.deflated for piece in pieces]),
            _LAST_BLOCK_EMPTY,
            total.crc.to_bytes(4, "little"),
            (total.length & 0xFFFFFFFF).to_bytes(4, "little"),
        ]
    )
