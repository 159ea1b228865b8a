"""The end of the snapshot file: appends to it durably, and mends it after a failure."""

import contextlib
import errno
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from dora_exporter.runtime.clock import Clock, stopwatch
from dora_exporter.storage.file import paths
from dora_exporter.storage.file.disk import Disk, copy, write_all
from dora_exporter.storage.file.errors import SnapshotInUse
from dora_exporter.storage.file.lock import lock_file

Durability = Literal["fsync", "written"]
"""When a record counts as kept: once it would survive a power cut, or once it would survive the end of the process."""

_BLOCK_BYTES = 4096

logger = logging.getLogger(__name__)


class AppendedFile:
    """Holds the lock and the length up to which the file is known to be good. Blocks; one thread at a time.

    Nothing is written before the first ``append`` or ``mend``, so a file on a full or read-only disk can be read.
    """

    def __init__(self, path: Path, *, durability: Durability, disk: Disk, clock: Clock) -> None:
        """Takes the lock; raises SnapshotInUse or OSError."""
        self.path = path
        self._is_synced = durability == "fsync"
        self._disk = disk
        self._clock = clock
        self._lock = lock_file(disk, path)
        self._identity = os.fstat(self._lock)
        self._fd: int | None = None
        self._owed = b""
        self._repair: Callable[[], None] | None = None
        self._is_name_durable = False
        self.length = 0
        self.last_fsync_seconds: float | None = None

    @property
    def source(self) -> int:
        """A descriptor from which the file can be read until it is closed or replaced."""
        return self._lock

    def begin(self, length: int, owed: bytes) -> None:
        """Sets where the good part of the file ends, and what must be written there first."""
        self.length = length
        self._owed = owed

    def begin_with(self, repair: Callable[[], None]) -> None:
        """Has the file replaced before the first append: ``repair`` calls ``replace_with``, or raises OSError."""
        self.length = os.fstat(self._lock).st_size
        self._repair = repair

    def append(self, data: bytes) -> None:
        """Writes data at the end, all or nothing; raises OSError."""
        fd = self.mend()
        try:
            self._write(fd, data)
        except OSError:
            self._retreat(fd)
            raise

    def mend(self) -> int:
        """Makes the file ready for the next append, to the descriptor returned; raises OSError when it cannot be."""
        if self._repair is not None:
            self._repair()
            self._repair = None
        # One call for all that is to be known before each write: in each a busy loop may take the interpreter's lock.
        named = self._named()
        if named is None:
            self._restore()
        elif named.st_size != self.length:
            self._forget_descriptor()
        if self._fd is None:
            self._fd = self._reopen()
        if not self._is_name_durable:
            self._disk.sync_folder(self.path)
            self._is_name_durable = True
        return self._fd

    def _named(self) -> os.stat_result | None:
        """The status of the file that has the name now, if it is ours."""
        try:
            named = self.path.stat()
        except FileNotFoundError:
            return None
        return named if os.path.samestat(named, self._identity) else None

    def replace_with(self, path: Path) -> None:
        """Replaces this file by another one, whole and durable.

        Raises OSError when it could not. The new name is durable before anything more is acknowledged.
        """
        lock = self._lock_existing(path)
        try:
            length = os.fstat(lock).st_size
            _give_access(lock, os.fstat(self._lock))
            self._disk.replace(path, self.path)
        except OSError:
            os.close(lock)
            raise
        self._forget_descriptor()
        os.close(self._lock)
        self._lock = lock
        self._identity = os.fstat(lock)
        self._is_name_durable = False
        self.begin(length, b"")

    def _lock_existing(self, path: Path) -> int:
        """Locks another file; raises OSError, also when a process holds it."""
        try:
            return lock_file(self._disk, path, flags=0)
        except SnapshotInUse as error:
            raise OSError(errno.EBUSY, str(error)) from error

    def close(self) -> None:
        """Releases the lock."""
        self._forget_descriptor()
        os.close(self._lock)

    def _write(self, fd: int, data: bytes) -> None:
        write_all(self._disk, fd, data, self.length)
        if self._is_synced:
            self._sync(fd)
        self.length += len(data)

    def _sync(self, fd: int) -> None:
        begun = stopwatch()
        self._disk.sync(fd)
        self.last_fsync_seconds = stopwatch() - begun

    def _retreat(self, fd: int) -> None:
        """Cuts off what a failed append left, so that a crash finds a whole file; ``mend`` does the rest."""
        try:
            self._disk.truncate(fd, self.length)
        except OSError as error:
            logger.debug("cannot truncate a failed write path=%s error=%r", self.path, error.strerror)
        self._forget_descriptor()

    def _reopen(self) -> int:
        """Opens the file anew, cuts it to its good length and writes the end of that again.

        After a failed flush the kernel may hold pages that it takes for written although they never reached the disk,
        and a later flush would succeed without them. What was flushed before the failure is safe. So nothing of the
        failed write stays, and the block that it shared with the good part is made dirty and flushed again.
        """
        fd = self._disk.open(self.path, os.O_RDWR)
        try:
            self._cut(fd)
            start = max(0, self.length - 1) // _BLOCK_BYTES * _BLOCK_BYTES
            end = os.pread(fd, self.length - start, start) + self._owed
            write_all(self._disk, fd, end, start)
            self._disk.sync(fd)
        except OSError:
            os.close(fd)
            raise
        self.length += len(self._owed)
        self._owed = b""
        return fd

    def _cut(self, fd: int) -> None:
        """Cuts what follows the good part; raises OSError when it is not the file we hold."""
        found = os.fstat(fd)
        if not os.path.samestat(found, os.fstat(self._lock)):
            raise OSError(errno.ESTALE, "the snapshot file was replaced by another program")
        if found.st_size < self.length:
            raise OSError(errno.EIO, "the snapshot file was truncated by another program")
        if found.st_size > self.length:
            self._disk.truncate(fd, self.length)

    def _restore(self) -> None:
        """Writes the file again under its name, from the open one, after someone removed or replaced it."""
        copied = paths.rewriting(self.path)
        fd = self._disk.open(copied, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            copy(self._disk, self._lock, fd, start=0, end=self.length, position=0)
        finally:
            os.close(fd)
        owed, stranger = self._owed, self._displace()
        self.replace_with(copied)
        self._owed = owed
        logger.error("snapshot file was removed or replaced, rewriting it path=%s found=%s", self.path, stranger)

    def _displace(self) -> Path | None:
        """Gives the file that took our name another one, unless another process has it locked."""
        try:
            os.close(self._lock_existing(self.path))
        except FileNotFoundError:
            return None
        return paths.keep_aside(self._disk, self.path, "displaced", self._clock())

    def _forget_descriptor(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
        self._fd = None


def _give_access(fd: int, like: os.stat_result) -> None:
    """Gives a new file the owner, group and mode of the one that it replaces, as far as permitted."""
    mode = stat.S_IMODE(like.st_mode)
    with contextlib.suppress(PermissionError):
        os.fchown(fd, like.st_uid, -1)
    try:
        os.fchown(fd, -1, like.st_gid)
    except PermissionError:
        mode &= ~stat.S_IRWXG  # what the former group may do is not for another one
    os.fchmod(fd, mode)
