"""Pieces of text, each deflated on its own, that join into one gzip member."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from dora_exporter.exposition.crc32 import EMPTY, Checksum, checksum, combine

_LEVEL = 4  # 6 takes 1.5 times as long on lines of samples, for 3 % less
_MAGIC_DEFLATE_NO_NAME_NO_TIME = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK_EMPTY = b"\x03\x00"


@dataclass(frozen=True, slots=True)
class Piece:
    """A text together with its deflated form, which ends at a byte and refers to nothing before itself."""

    parts: tuple[bytes, ...]
    deflated: bytes
    checksum: Checksum
    length: int


def deflate(text: bytes) -> Piece:
    """A piece made of a text."""
    if not text:
        return Piece((), b"", EMPTY, 0)
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = compressor.compress(text) + compressor.flush(zlib.Z_FULL_FLUSH)
    return Piece((text,), deflated, checksum(text), len(text))


def concatenate(pieces: Sequence[Piece], total: Checksum) -> Piece:
    """One piece made of many whose checksum is known."""
    return Piece(
        tuple(part for piece in pieces for part in piece.parts),
        b"".join([piece.deflated for piece in pieces]),
        total,
        sum(piece.length for piece in pieces),
    )


def gzip_member(pieces: Iterable[Piece]) -> bytes:
    """One gzip member that holds the text of the pieces in order; equal pieces give equal bytes."""
    pieces = list(pieces)
    total = reduce(combine, [piece.checksum for piece in pieces], EMPTY)
    size = sum(piece.length for piece in pieces) & 0xFFFFFFFF
    return b"".join(
        [
            _MAGIC_DEFLATE_NO_NAME_NO_TIME,
            *[piece.deflated for piece in pieces],
            _LAST_BLOCK_EMPTY,
            total.crc.to_bytes(4, "little"),
            size.to_bytes(4, "little"),
        ]
    )
