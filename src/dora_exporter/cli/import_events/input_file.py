"""A file to be imported: which kind it is, and its numbered lines."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from dora_exporter.cli.exit_codes import CannotDo
from dora_exporter.cli.import_events import csv_rows
from dora_exporter.cli.import_events.decoding import NotUtf16, lines_of
from dora_exporter.cli.import_events.line_errors import Mistakes
from dora_exporter.dora.records import Record
from dora_exporter.storage.file.line_format import FORMAT, VERSION, Unreadable, decode, decode_header


class Kind(enum.Enum):
    """What a file holds."""

    LINES = "lines of the bulk endpoint"
    TABLE = "CSV"
    EXPORT = "an export"


@dataclass(frozen=True)
class GivenFile:
    """A file that is read once, from its start to its end."""

    kind: Kind
    lines: Iterator[bytes]

    def bulk_lines(self, mistakes: Mistakes) -> Iterator[tuple[int, bytes]]:
        """Of lines and CSV: each line as the bulk endpoint takes it, with its number in the file."""
        number = 0
        try:
            if self.kind is Kind.TABLE:
                for number, line in csv_rows.rows(self.lines, mistakes):
                    yield number, line
            else:
                for number, line in enumerate(self.lines, start=1):
                    if line and not line.isspace():
                        yield number, line.rstrip(b"\r\n")
        except NotUtf16:
            mistakes.note(number + 1, "starts like UTF-16 but is not; the rest is not read")

    def records(self, mistakes: Mistakes) -> Iterator[Record]:
        """Of an export: its records."""
        if not _is_header(next(self.lines).rstrip(b"\n")):
            mistakes.note(1, f"is not the first line of an export of version {VERSION}; the rest is not read")
            return
        for number, line in enumerate(self.lines, start=2):
            try:
                yield decode(line.rstrip(b"\n"))
            except Unreadable as reason:
                mistakes.note(number, str(reason))


def inspect(stream: BinaryIO) -> GivenFile:
    """Detects the kind of a file by its first line that is not blank."""
    lines, blank = lines_of(stream), []
    first = b""
    try:
        for first in lines:
            if first.strip():
                break
            blank.append(first)
    except NotUtf16:
        raise CannotDo("the file starts like UTF-16 but is not") from None
    whole = chain(blank, [first] if first.strip() else [], lines)
    if first.startswith(b'{"crc"') and not blank:
        return GivenFile(Kind.EXPORT, whole)
    if not first.strip() or first.lstrip().startswith((b"{", b"[")):
        return GivenFile(Kind.LINES, whole)
    return GivenFile(Kind.TABLE, whole)


def _is_header(line: bytes) -> bool:
    try:
        header = decode_header(line)
    except Unreadable:
        return False
    return (header.format, header.version) == (FORMAT, VERSION)
