"""The lock that keeps a second process away from a snapshot file.

It is held on the file itself, not on one beside it, so it needs no writable folder and leaves nothing behind. It goes
with the open file: a kill releases it, and a file that takes the name has to be locked before it does.
"""

import errno
import fcntl
import os
from pathlib import Path

from dora_exporter.storage.file.disk import Disk
from dora_exporter.storage.file.errors import SnapshotInUse


def lock_file(disk: Disk, path: Path, *, flags: int = os.O_CREAT) -> int:
    """Locks the file of that name, by default made when there is none; returns the descriptor that holds the lock.

    Raises SnapshotInUse when another process holds it, OSError when it cannot be opened or made.
    """
    while True:
        fd = _open(disk, path, flags)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            if isinstance(error, BlockingIOError):
                raise SnapshotInUse(path) from error
            raise
        if is_same_file(fd, path):
            return fd
        os.close(fd)  # another file took the name in between


def _open(disk: Disk, path: Path, flags: int) -> int:
    try:
        return disk.open(path, os.O_RDWR | flags)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return disk.open(path, os.O_RDONLY)  # what is kept can still be served


def is_same_file(fd: int, path: Path) -> bool:
    """Whether the name still means the open file."""
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(fd), named)
