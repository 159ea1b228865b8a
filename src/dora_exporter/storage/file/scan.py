"""One pass over a snapshot file: its records, and what is wrong with it."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dora_exporter.dora.records import Record
from dora_exporter.storage.file import line_format
from dora_exporter.storage.file.errors import SnapshotError, because
from dora_exporter.storage.file.line_format import FORMAT, VERSION, Header, Unreadable

BLOCK_BYTES = 1 << 18
"""About 800 events, which take a few milliseconds to read and apply."""

_LONGEST_HEADER_BYTES = 4096

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Readable lines, without their newlines, and where in the file each begins, with their records."""

    starts: list[int]
    lines: list[bytes]
    records: list[Record]


class Scan:
    """Reads a file from its start to ``end``. After the last chunk the attributes say what was found.

    ``header`` is None when the first line is none. ``lines_lost`` counts unreadable lines, a torn last one not among
    them. ``length`` is where the last whole line ends; ``lacks_newline`` when that is the end of the file without a
    newline. ``torn`` is what follows it.
    """

    def __init__(self, fd: int, end: int | None = None, *, start: int = 0) -> None:
        """Nothing is read yet but the header, where not the whole file is scanned. ``start`` is that of a line."""
        self._fd = fd
        self._end = end
        self.header: Header | None = None
        if start:
            self._read_header(os.pread(fd, _LONGEST_HEADER_BYTES, 0).partition(b"\n")[0])
        self.lines_lost = 0
        self.first_loss: int | None = None
        self.length = start
        self.lacks_newline = False
        self.torn = b""

    @property
    def is_new(self) -> bool:
        """Whether the file is empty but for the beginning of a header, which a crash can leave behind."""
        return not self.length and line_format.header_line().startswith(self.torn)

    @property
    def is_ours(self) -> bool:
        """Whether the first line says that this program can read all of the file."""
        return self.header is not None and (self.header.format, self.header.version) == (FORMAT, VERSION)

    def __iter__(self) -> Iterator[Chunk]:
        """The readable lines in order; the header is not among them."""
        for block in self._blocks():
            yield self._read(block[:-1].split(b"\n"))
        for end in (len(self.torn), len(self.torn) - 1):  # without a newline, or with a damaged one
            if self.torn and _is_whole(self.torn[:end]):
                last, self.torn, self.lacks_newline = self.torn[:end], self.torn[end:], True
                chunk = self._read([last])
                self.length -= 1
                yield chunk
                break
        if self.torn and not self.length and not self.is_new:  # not the rest of a header: a line of someone else's
            self.lines_lost = 1

    def _blocks(self) -> Iterator[bytes]:
        """Pieces of the file that end with a line; what follows the last of them becomes ``torn``."""
        rest, position = b"", self.length
        while block := os.pread(self._fd, self._wanted(len(rest), position), position):
            position += len(block)
            cut = block.rfind(b"\n") + 1
            if cut:
                yield rest + block[:cut]
                rest = block[cut:]
            else:
                rest += block
        self.torn = rest

    def _wanted(self, held: int, position: int) -> int:
        size = max(BLOCK_BYTES, held)  # doubled for a line longer than a block, so that it is not copied time and again
        return size if self._end is None else min(size, self._end - position)

    def _read(self, lines: list[bytes]) -> Chunk:
        start = self.length
        starts = []
        for line in lines:
            starts.append(self.length)
            self.length += len(line) + 1
        if start == 0 and self._read_header(lines[0]):
            del lines[0], starts[0]
        try:
            return Chunk(starts, lines, line_format.decode_many(lines))
        except Unreadable:
            return self._read_one_by_one(starts, lines)

    def _read_header(self, line: bytes) -> bool:
        try:
            self.header = line_format.decode_header(line)
        except Unreadable:
            return False
        return True

    def _read_one_by_one(self, starts: list[int], lines: list[bytes]) -> Chunk:
        chunk = Chunk([], [], [])
        for start, line in zip(starts, lines, strict=True):
            try:
                record = line_format.decode(line)
            except Unreadable:
                self.lines_lost += 1
                self.first_loss = start if self.first_loss is None else self.first_loss
                continue
            chunk.starts.append(start)
            chunk.lines.append(line)
            chunk.records.append(record)
        return chunk


def _is_whole(line: bytes) -> bool:
    try:
        line_format.body_of(line)
    except Unreadable:
        return False
    return True


def read(path: Path) -> Iterator[Record]:
    """The records of a file, also while a daemon writes it: no lock is taken, and a line half written is left out.

    Unreadable lines are left out with a warning. Raises SnapshotError when it is no snapshot file of this version.
    """
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise because(path, error) from error
    try:
        scan = Scan(fd)
        for chunk in scan:
            if not scan.is_ours:
                break
            yield from chunk.records
    finally:
        os.close(fd)
    if not scan.is_ours and not scan.is_new:
        raise SnapshotError(f"{path} is not a snapshot file of version {VERSION}")
    if scan.lines_lost:
        logger.warning("unreadable lines skipped path=%s lines=%d", path, scan.lines_lost)
