"""Pieces of text, each deflated on its own, that join into one gzip member.

Their CRC-32 checksums combine into the checksum of the joined text without reading it again.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from typing import NamedTuple

from zlib_ng.zlib_ng import crc32_combine

_LEVEL = 4  # 6 takes 1.5 times as long on lines of samples, for 3 % less
_MAGIC_DEFLATE_NO_NAME_NO_TIME = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK_EMPTY = b"\x03\x00"


class Checksum(NamedTuple):
    """The CRC-32 of a text, and how many bytes it has."""

    crc: int
    length: int


EMPTY = Checksum(0, 0)


def checksum(text: bytes) -> Checksum:
    """The checksum of a text."""
    return Checksum(zlib.crc32(text), len(text))


def combine(left: Checksum, right: Checksum) -> Checksum:
    """The checksum of two texts, one after the other."""
    return Checksum(crc32_combine(left.crc, right.crc, right.length), left.length + right.length)


class ChecksumTree:
    """The checksum of a sequence of texts; replacing one costs O(log n)."""

    def __init__(self, leaves: Sequence[Checksum]) -> None:
        """A tree over the checksums of the texts in order."""
        self._levels = [list(leaves) or [EMPTY]]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            self._levels.append([_join_pair(below, index) for index in range(0, len(below), 2)])

    @property
    def root(self) -> Checksum:
        """The checksum of all texts, one after the other."""
        return self._levels[-1][0]

    def replace(self, index: int, leaf: Checksum) -> None:
        """Gives the text at ``index`` another checksum."""
        self._levels[0][index] = leaf
        for below, above in zip(self._levels, self._levels[1:], strict=False):
            index //= 2
            above[index] = _join_pair(below, 2 * index)


def _join_pair(level: list[Checksum], index: int) -> Checksum:
    return combine(level[index], level[index + 1]) if index + 1 < len(level) else level[index]


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
