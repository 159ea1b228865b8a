"""The calls to the operating system on which durability rests, in one place so that a test can let them fail."""

import errno
import os
from pathlib import Path


class Disk:
    """The real disk. Every method raises OSError."""

    def open(self, path: Path, flags: int) -> int:
        """A descriptor that no child process inherits."""
        return os.open(path, flags | os.O_CLOEXEC, 0o640)

    def write(self, fd: int, data: bytes | memoryview, position: int) -> int:
        """Writes some of the data, and says how much."""
        return os.pwrite(fd, data, position)

    def truncate(self, fd: int, length: int) -> None:
        """Cuts a file."""
        os.ftruncate(fd, length)

    def sync(self, fd: int) -> None:
        """Waits until what was written would survive a power cut."""
        os.fdatasync(fd)

    def replace(self, source: Path, target: Path) -> None:
        """Gives a file another name at the expense of the file that had it. ``sync_folder`` makes it durable."""
        source.replace(target)

    def sync_folder(self, path: Path) -> None:
        """Makes the names in a file's folder durable."""
        fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some network file systems know no such thing
                raise
        finally:
            os.close(fd)


def write_all(disk: Disk, fd: int, data: bytes | bytearray, position: int) -> None:
    """Writes all of the data, in as many calls as the system wants."""
    rest = memoryview(data)
    while rest:
        written = disk.write(fd, rest, position)
        position += written
        rest = rest[written:]


PIECE_BYTES = 1 << 20
SYNC_EVERY_BYTES = 8 << 20
"""One flush of a whole file would make the flushes of others wait behind it."""


def copy(disk: Disk, source: int, target: int, *, start: int, end: int, position: int) -> None:
    """Copies bytes from ``start`` to ``end`` of one file to a position in another, durably."""
    unsynced = 0
    while start < end:
        piece = os.pread(source, min(PIECE_BYTES, end - start), start)
        if not piece:
            raise OSError(errno.EIO, "the snapshot file was truncated by another program")
        write_all(disk, target, piece, position)
        start += len(piece)
        position += len(piece)
        unsynced += len(piece)
        if unsynced >= SYNC_EVERY_BYTES:
            disk.sync(target)
            unsynced = 0
    disk.sync(target)
