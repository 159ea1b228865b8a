"""The lines of a file as UTF-8, also where a spreadsheet or PowerShell wrote it in UTF-16."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

_PIECE_BYTES = 1 << 16
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class NotUtf16(Exception):
    """A file that begins like UTF-16 but is not."""


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """The lines with their ends, without a byte order mark. Raises ``NotUtf16`` where such a file breaks."""
    first = stream.readline()
    if first.startswith(_UTF_16):
        return _lines_of_utf_16(first, stream)
    return _lines_of_utf_8(first, stream)


def _lines_of_utf_8(first: bytes, stream: BinaryIO) -> Iterator[bytes]:
    if first:
        yield first.removeprefix(codecs.BOM_UTF8)
    yield from stream


def _lines_of_utf_16(first: bytes, stream: BinaryIO) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")()
    rest, piece = "", first
    while True:
        try:
            *whole, rest = (rest + decoder.decode(piece, final=not piece)).split("\n")
        except UnicodeDecodeError:
            raise NotUtf16 from None
        for line in whole:
            yield f"{line}\n".encode()
        if not piece:
            break
        piece = stream.read(_PIECE_BYTES)
    if rest:
        yield rest.encode()
