"""One compaction: another process rewrites the file, this one copies what was appended during that and swaps them."""

import asyncio
import errno
import os
from pathlib import Path

from dora_exporter.runtime.child_process import Subprogram, SubprogramFailed
from dora_exporter.storage.file import paths
from dora_exporter.storage.file.appended_file import AppendedFile
from dora_exporter.storage.file.disk import Disk, copy
from dora_exporter.storage.file.group_commit import Writer
from dora_exporter.storage.file.lock import is_same_file

PROGRAM = "dora_exporter.storage.file.compaction_process"
LAST_PIECE_BYTES = 1 << 16
"""Writers wait while the last piece is copied, so it is kept this short if they let us."""
MOST_ROUNDS = 100


class CompactionFailed(Exception):
    """The file stays as it was."""


class Rewriting:
    """A compaction in progress."""

    def __init__(self, path: Path, file: AppendedFile, writer: Writer, *, disk: Disk) -> None:
        """Does nothing yet."""
        self._path = path
        self._target = paths.compacting(path)
        self._file = file
        self._writer = writer
        self._disk = disk
        self._copied = file.length
        self._program: Subprogram | None = None
        self._is_given_up = False

    def give_up(self) -> None:
        """Makes ``run`` fail soon. It is not to be cancelled: threads are at work on its files."""
        self._is_given_up = True
        if self._program is not None:
            self._program.end()

    async def run(self, now_ms: int, retention_ms: int) -> None:
        """Compacts; raises CompactionFailed or OSError, and then removes what it made."""
        source = self._disk.open(self._path, os.O_RDONLY)
        try:
            await asyncio.to_thread(self._target.unlink, missing_ok=True)  # of a dead daemon: we hold the lock
            await self._rewrite(now_ms, retention_ms)
            await self._copy_appended(source)
        finally:
            await asyncio.to_thread(self._discard, source)

    def _discard(self, source: int) -> None:
        """Closes a file that has no name any more; the system may take long to free a big one."""
        os.close(source)
        self._target.unlink(missing_ok=True)

    async def _rewrite(self, now_ms: int, retention_ms: int) -> None:
        """Has the file up to its present length rewritten by a process of its own."""
        self._program = Subprogram(PROGRAM, self._path, self._copied, self._target, now_ms, retention_ms)
        if self._is_given_up:
            self._program.end()
        try:
            await self._program.run()
        except SubprogramFailed as reason:
            raise CompactionFailed(str(reason)) from reason

    async def _copy_appended(self, source: int) -> None:
        """Copies what was appended since in rounds, each shorter than the one before, then changes the files."""
        target = self._disk.open(self._target, os.O_WRONLY)
        try:
            for _ in range(MOST_ROUNDS):
                if self._is_given_up or self._file.length - self._copied <= LAST_PIECE_BYTES:
                    break
                await asyncio.to_thread(self._copy, source, target)
            if self._is_given_up:
                raise CompactionFailed("the daemon stops")
            await self._writer.call(lambda: self._change_files(source, target))
        finally:
            os.close(target)

    def _copy(self, source: int, target: int) -> None:
        end = self._file.length
        copy(self._disk, source, target, start=self._copied, end=end, position=os.fstat(target).st_size)
        self._copied = end

    def _change_files(self, source: int, target: int) -> None:
        if not (is_same_file(source, self._path) and is_same_file(target, self._target)):
            raise OSError(errno.ESTALE, "the files were changed by another program")
        self._copy(source, target)
        self._file.replace_with(self._target)
        self._file.mend()
