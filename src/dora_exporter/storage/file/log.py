"""The event log kept in one file: the ``EventLog`` that the daemon composes."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Sequence
from pathlib import Path

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Apply, Unavailable
from dora_exporter.dora.records import Record
from dora_exporter.runtime.clock import Clock, stopwatch, system_clock
from dora_exporter.storage.file import paths
from dora_exporter.storage.file.appended_file import AppendedFile, Durability
from dora_exporter.storage.file.compaction import CompactionFailed, Rewriting
from dora_exporter.storage.file.disk import Disk
from dora_exporter.storage.file.errors import SnapshotError, because
from dora_exporter.storage.file.group_commit import PENDING_BYTES, Writer
from dora_exporter.storage.file.line_format import encode_many
from dora_exporter.storage.file.recovery import recover
from dora_exporter.storage.file.scan import Scan
from dora_exporter.storage.file.statistics import Statistics

COMPACTION_FLOOR_BYTES = 16 << 20
"""Below this size a file is not worth compacting because it grew."""
COMPACTION_INTERVAL_MS = 86_400_000

logger = logging.getLogger(__name__)


class SnapshotFile:
    """An ``EventLog`` over one file. Life: ``open``, ``replay`` to its end, ``start``, then any use, ``close``."""

    def __init__(
        self,
        path: Path,
        *,
        durability: Durability = "fsync",
        clock: Clock = system_clock,
        disk: Disk | None = None,
        pending_bytes: int = PENDING_BYTES,
        compaction_floor_bytes: int = COMPACTION_FLOOR_BYTES,
    ) -> None:
        """Opens nothing yet."""
        self._path = paths.real(path)  # or a compaction would put a file in the place of a link
        self._durability: Durability = durability
        self._clock = clock
        self._disk = disk or Disk()
        self._pending_bytes = pending_bytes
        self._compaction_floor_bytes = compaction_floor_bytes
        self._file: AppendedFile | None = None
        self._writer: Writer | None = None
        self._rewriting: Rewriting | None = None
        self._compaction: asyncio.Task[bool] | None = None
        self._is_replayed = False
        self._lines_lost = 0
        self._written_before_ms: int | None = None
        self._compacted_bytes = 0
        self._last_try_ms = 0
        self._last_compaction_ms: int | None = None
        self._last_compaction_seconds: float | None = None

    def open(self) -> None:
        """Takes the lock, and makes the file when there is none.

        Raises SnapshotInUse when another process has it, SnapshotError when it cannot be opened.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = AppendedFile(self._path, durability=self._durability, disk=self._disk, clock=self._clock)
        except OSError as error:
            raise because(self._path, error) from error

    async def replay(self, start: int = 0) -> AsyncIterator[Sequence[Record]]:
        """The records kept so far, or from the line on that begins at ``start``.

        At the end a damaged file is set aside and rewritten; raises SnapshotError.
        """
        file = self._opened
        scan = Scan(file.source, start=start)
        chunks = iter(scan)
        try:
            while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
                yield chunk.records
            await asyncio.to_thread(recover, file, scan, self._path, disk=self._disk, clock=self._clock)
        except OSError as error:
            raise because(self._path, error) from error
        self._adopt(scan, file)

    async def start(self, apply: Apply) -> None:
        """From here on every committed record is applied. The file need not be writable yet."""
        if not self._is_replayed:
            raise SnapshotError(f"snapshot file {self._path} was not replayed to its end")
        self._writer = Writer(self._opened, apply, clock=self._clock, pending_bytes=self._pending_bytes)
        try:
            await self._writer.call(self._clean_up)
        except OSError as error:
            self._writer.note_failure(error)

    def append(self, records: Sequence[Record]) -> Awaitable[list[Outcome]]:
        """Commits records, next to each other, and applies them. Raises Unavailable, at once or when awaited."""
        if self._writer is None:
            raise Unavailable("the snapshot file is not open for writing")
        return self._writer.append(records, encode_many(records))

    def is_compaction_due(self) -> bool:
        """Whether the file doubled since its last compaction and is worth it, or that was a day ago."""
        if self._rewriting is not None:
            return False
        size = self._opened.length
        if not 0 <= self._clock() - self._last_try_ms < COMPACTION_INTERVAL_MS:  # a clock that was ahead was set right
            return True
        return size > max(self._compaction_floor_bytes, 2 * self._compacted_bytes)

    async def compact(self, now_ms: int, retention_ms: int) -> bool:
        """Rewrites the file with one record of each event, and tombstones of the retention, while writes go on.

        False when that failed, which is logged and leaves the file as it was, or when it is under way already.
        """
        if self._writer is None or self._file is None or self._rewriting is not None:
            return False
        self._rewriting = Rewriting(self._path, self._file, self._writer, disk=self._disk)
        # Threads are at work on the files, so a caller that is cancelled leaves it to end by itself.
        self._compaction = asyncio.create_task(self._compact(self._rewriting, now_ms, retention_ms))
        return await asyncio.shield(self._compaction)

    async def _compact(self, rewriting: Rewriting, now_ms: int, retention_ms: int) -> bool:
        begun = stopwatch()
        self._last_try_ms = self._clock()
        try:
            await rewriting.run(now_ms, retention_ms)
        except (CompactionFailed, OSError, Unavailable) as error:
            logger.warning("compaction failed path=%s error=%r", self._path, str(error))
            return False
        else:
            self._last_compaction_ms = now_ms
            self._last_compaction_seconds = stopwatch() - begun
            logger.info("snapshot file compacted seconds=%.1f", self._last_compaction_seconds)
            return True
        finally:  # after a failure too: the next try waits until the file has doubled again
            self._compacted_bytes = self._opened.length
            self._rewriting = None

    async def close(self) -> None:
        """Aborts a compaction, commits what was appended, then refuses further records and releases the lock."""
        if self._rewriting is not None and self._compaction is not None:
            self._rewriting.give_up()
            await asyncio.wait([self._compaction])
        if self._writer is not None:
            await self._writer.close()
        if self._file is not None:
            self._file.close()
            self._file = None

    def statistics(self) -> Statistics:
        """The state of the file now."""
        writer, file = self._writer, self._file
        return Statistics(
            size_bytes=file.length if file else 0,
            lines_lost=self._lines_lost,
            last_write_ms=(writer.last_write_ms if writer else None) or self._written_before_ms,
            last_compaction_ms=self._last_compaction_ms,
            last_fsync_seconds=file.last_fsync_seconds if file else None,
            last_compaction_seconds=self._last_compaction_seconds,
            unavailable_since_ms=writer.outage.since_ms if writer else None,
        )

    @property
    def _opened(self) -> AppendedFile:
        if self._file is None:
            raise SnapshotError(f"snapshot file {self._path} is not open")
        return self._file

    def _adopt(self, scan: Scan, file: AppendedFile) -> None:
        self._lines_lost = scan.lines_lost
        self._compacted_bytes = file.length
        if scan.header is not None:
            self._last_compaction_ms = scan.header.compacted_at
        self._last_try_ms = self._clock() if self._last_compaction_ms is None else self._last_compaction_ms
        if not scan.is_new:
            self._written_before_ms = os.fstat(file.source).st_mtime_ns // 1_000_000
        self._is_replayed = True

    def _clean_up(self) -> None:
        paths.remove_unfinished(self._path)
        self._opened.mend()
