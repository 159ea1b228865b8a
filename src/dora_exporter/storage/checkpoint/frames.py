"""How a checkpoint lies on disk: frames, each with its length and its checksum."""

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from zlib import crc32

_HEAD = struct.Struct("<4sIQ")
_MARK = b"dorc"
_PIECE_BYTES = 1 << 20
_FLUSHED_BYTES = 8 << 20
"""One flush of a whole file would make the flushes of the snapshot file wait behind it."""


class Damaged(ValueError):
    """The bytes are no whole checkpoint."""


def write(path: Path, frames: Iterable[bytes]) -> None:
    """Writes a new file, durably; raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        unflushed = 0
        for frame in frames:
            unflushed += file.write(_HEAD.pack(_MARK, crc32(frame), len(frame)) + frame)
            if unflushed >= _FLUSHED_BYTES:
                file.flush()
                os.fdatasync(fd)
                unflushed = 0
        file.write(_HEAD.pack(_MARK, crc32(b""), 0))
        file.flush()
        os.fsync(fd)


def read(path: Path) -> Iterator[bytes]:
    """The frames of a file, each checked; raises Damaged, also where the end is missing, or OSError."""
    with path.open("rb") as file:
        while True:
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                raise Damaged("the end is missing")
            mark, checksum, length = _HEAD.unpack(head)
            if mark != _MARK or length > os.fstat(file.fileno()).st_size:
                raise Damaged("a frame does not begin where it should")
            frame = file.read(length)
            if len(frame) < length or crc32(frame) != checksum:
                raise Damaged("a checksum does not match")
            if not frame:
                return
            yield frame


def checksum_of(fd: int, length: int) -> int | None:
    """The checksum of the first bytes of a file; None when it is shorter. Takes a second for gigabytes."""
    checksum, position = 0, 0
    while position < length:
        piece = os.pread(fd, min(_PIECE_BYTES, length - position), position)
        if not piece:
            return None
        checksum = crc32(piece, checksum)
        position += len(piece)
    return checksum
