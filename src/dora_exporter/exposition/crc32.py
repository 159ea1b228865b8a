"""CRC-32 checksums of pieces that combine into the checksum of the whole without reading it again.

Appending n bytes to a text multiplies its checksum by x^8n in the field of polynomials modulo the CRC's own, so two
checksums combine by one multiplication. Polynomials are held as ``zlib.crc32`` returns them: the highest bit is x^0.
"""

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

_ALL_BITS = 0xFFFFFFFF
_ONE = 0x80000000
_X_TO_THE_8 = 0x00800000
_LOWEST_BITS_OF_32 = int.from_bytes(b"\x01" * 32)
_LOWEST_BITS_OF_63 = int.from_bytes(b"\x01" * 63)
_BINARY_DIGITS = bytes(b"01"[byte & 1] for byte in range(256))
_FOUR_ZEROS = bytes(4)


class Checksum(NamedTuple):
    """What is to be known of a text to append it to another one."""

    crc: int
    factor: int
    """What appending this text multiplies the checksum before it with."""


EMPTY = Checksum(0, _ONE)


def checksum(text: bytes) -> Checksum:
    """The checksum of a text."""
    return Checksum(zlib.crc32(text), _factor(len(text)))


def combine(left: Checksum, right: Checksum) -> Checksum:
    """The checksum of two texts, one after the other."""
    return Checksum(_multiply(left.crc, right.factor) ^ right.crc, _multiply(left.factor, right.factor))


class ChecksumTree:
    """The checksum of a row of texts, of which one is replaced at the cost of a logarithm."""

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


@lru_cache(maxsize=65_536)
def _factor(length: int) -> int:
    """x^(8 length), by squaring."""
    result, square = _ONE, _X_TO_THE_8
    while length:
        if length & 1:
            result = _multiply(result, square)
        square = _multiply(square, square)
        length >>= 1
    return result


def _multiply(left: int, right: int) -> int:
    """The product of two polynomials.

    With one bit in each byte, an integer multiplication adds up the products of each degree in a byte of its own
    (32 at most, so nothing is carried), and the lowest bit of each sum is the product without carries.
    """
    product = _spread(left) * _spread(right) & _LOWEST_BITS_OF_63
    bits = int(product.to_bytes(63).translate(_BINARY_DIGITS), 2) << 1
    excess = bits & _ALL_BITS
    # Four zero bytes move a CRC register by x^32, which brings the degrees above 31 back into range.
    return bits >> 32 ^ zlib.crc32(_FOUR_ZEROS, excess ^ _ALL_BITS) ^ _ALL_BITS


def _spread(polynomial: int) -> int:
    """The bits of a polynomial, one in each byte."""
    return int.from_bytes(f"{polynomial:032b}".encode()) & _LOWEST_BITS_OF_32
