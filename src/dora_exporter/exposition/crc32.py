"""CRC-32 checksums of texts that combine into the checksum of the joined text without reading it again."""

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

from zlib_ng.zlib_ng import crc32_combine


class Checksum(NamedTuple):
    """The CRC-32 of a text, and how many bytes it has."""

    crc: int
    length: int


EMPTY = Checksum(0, 0)


def checksum(text: bytes) -> Checksum:
    """The checksum of a text."""
    return Checksum(crc32(text), len(text))


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
