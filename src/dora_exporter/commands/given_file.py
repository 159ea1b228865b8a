"""A file to be imported: which kind it is, and its numbered lines."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from dora_exporter.commands import tables
from dora_exporter.commands.mistakes import Mistakes
from dora_exporter.records import Record
from dora_exporter.snapshot.lines import FORMAT, VERSION, Unreadable, decode, decode_header

_MARK = b"\xef\xbb\xbf"
"""Windows programs write it before UTF-8."""


class Kind(enum.Enum):
    """What a file holds."""

    LINES = "lines of the bulk endpoint"
    TABLE = "CSV"
    EXPORT = "an export"


@dataclass(frozen=True)
class GivenFile:
    """A file that is read once, from its start to its end."""

    kind: Kind
    first: bytes
    rest: BinaryIO

    def bulk_lines(self, mistakes: Mistakes) -> Iterator[tuple[int, bytes]]:
        """Of lines and CSV: each line as the bulk endpoint takes it, with its number in the file."""
        if self.kind is Kind.TABLE:
            yield from tables.rows(self._raw(), mistakes)
        else:
            for number, line in enumerate(self._raw(), start=1):
                if line and not line.isspace():
                    yield number, line.rstrip(b"\r\n")

    def records(self, mistakes: Mistakes) -> Iterator[Record]:
        """Of an export: its records."""
        raw = self._raw()
        if not _is_header(next(raw).rstrip(b"\n")):
            mistakes.note(1, f"is not the first line of an export of version {VERSION}; the rest is not read")
            return
        for number, line in enumerate(raw, start=2):
            try:
                yield decode(line.rstrip(b"\n"))
            except Unreadable as reason:
                mistakes.note(number, str(reason))

    def _raw(self) -> Iterator[bytes]:
        yield self.first
        yield from self.rest


def look_into(stream: BinaryIO) -> GivenFile:
    """Tells by its first line what a file holds."""
    first = stream.readline().removeprefix(_MARK)
    if first.startswith(b'{"crc"'):
        return GivenFile(Kind.EXPORT, first, stream)
    if not first.strip() or first.lstrip().startswith((b"{", b"[")):
        return GivenFile(Kind.LINES, first, stream)
    return GivenFile(Kind.TABLE, first, stream)


def _is_header(line: bytes) -> bool:
    try:
        header = decode_header(line)
    except Unreadable:
        return False
    return (header.format, header.version) == (FORMAT, VERSION)
