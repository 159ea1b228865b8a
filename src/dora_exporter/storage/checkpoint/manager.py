"""The checkpoint as the daemon uses it: loaded at a start, written again when the snapshot file has changed enough."""

import asyncio
import contextlib
import logging
import os
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.child_process import Subprogram, SubprogramFailed
from dora_exporter.runtime.clock import stopwatch
from dora_exporter.storage.checkpoint import frames, layout
from dora_exporter.storage.checkpoint.frames import Damaged
from dora_exporter.storage.checkpoint.layout import Head
from dora_exporter.storage.file import Statistics, paths

PROGRAM = "dora_exporter.storage.checkpoint.build_process"
FLOOR_BYTES = 8 << 20
"""A snapshot file below this size is replayed in a moment."""
_NEWS_BYTES = 1 << 20
_NEWS_PART = 64
"""Of what came since, each event costs a restart several times what one of the checkpoint does."""
_FRAMES_AT_ONCE = 32
"""To change between threads takes longer than to read a frame."""
_PAUSE_PER_SECOND = 10
"""So many times as long as making it took must pass before it is made again."""
_PAUSE_AFTER_FAILURE_SECONDS = 3600.0

logger = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoint of one snapshot file. Life: ``load`` once, then ``make`` when it ``is_due``, ``close``."""

    def __init__(self, snapshot: Path, *, floor_bytes: int = FLOOR_BYTES) -> None:
        """Touches no file."""
        self._snapshot = paths.real(snapshot)
        self.path = self._snapshot.with_name(f"{self._snapshot.name}.checkpoint")
        self._unfinished = self.path.with_name(f"{self.path.name}.making")
        self._floor_bytes = floor_bytes
        self._covered_bytes: int | None = None
        self._compacted_ms: int | None = None
        self._next_try = 0.0
        self.program: Subprogram | None = None
        self._is_closed = False

    async def load(self, store: EventStore) -> Head | None:
        """Fills the store with the checkpoint's events; returns its head, or None and an empty store without one.

        The caller holds the lock on the snapshot file.
        """
        try:
            following = _following(frames.read(self.path))
            head = layout.head_of(await following())
            await asyncio.to_thread(self._compare, head)
            await layout.fill(store, head, following)
        except FileNotFoundError:
            return None
        except (Damaged, OSError) as reason:
            logger.warning("checkpoint ignored path=%s reason=%r", self.path, str(reason))
            store.clear()
            return None
        self._covered_bytes, self._compacted_ms = head.length, head.compacted_ms
        return head

    def is_due(self, snapshot: Statistics) -> bool:
        """Whether the snapshot file has changed enough for a new checkpoint."""
        if self.program is not None or snapshot.size_bytes < self._floor_bytes or stopwatch() < self._next_try:
            return False
        if self._covered_bytes is None or snapshot.last_compaction_ms != self._compacted_ms:
            return True
        news = snapshot.size_bytes - self._covered_bytes
        return news > max(_NEWS_BYTES, self._covered_bytes // _NEWS_PART)

    async def make(self, snapshot: Statistics) -> bool:
        """Writes it again in a process of its own; False, and a line in the log, when that fails."""
        begun = stopwatch()
        try:
            await self._run(snapshot.size_bytes)
            await asyncio.to_thread(self._unfinished.replace, self.path)
        except (SubprogramFailed, OSError) as error:
            self._next_try = stopwatch() + _PAUSE_AFTER_FAILURE_SECONDS
            if not self._is_closed:
                logger.warning("cannot write the checkpoint path=%s error=%r", self.path, str(error))
            return False
        finally:
            await self._clear_away()  # also after a caller that is cancelled
        seconds = stopwatch() - begun
        self._next_try = stopwatch() + _PAUSE_PER_SECOND * seconds
        self._covered_bytes, self._compacted_ms = snapshot.size_bytes, snapshot.last_compaction_ms
        logger.info("checkpoint written seconds=%.1f", seconds)
        return True

    def close(self) -> None:
        """Ends the process that writes it, if one runs."""
        self._is_closed = True
        if self.program is not None:
            self.program.end()

    async def _clear_away(self) -> None:
        """Leaves no unfinished file behind."""
        self.program = None
        with contextlib.suppress(OSError):  # the next making begins with it
            await asyncio.to_thread(self._unfinished.unlink, missing_ok=True)

    def _compare(self, head: Head) -> None:
        """Raises Damaged unless the snapshot file begins with what the checkpoint was made from."""
        fd = os.open(self._snapshot, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if frames.checksum_of(fd, head.length) != head.checksum:
                raise Damaged("it is of another snapshot file")
        finally:
            os.close(fd)

    async def _run(self, length: int) -> None:
        await asyncio.to_thread(self._unfinished.unlink, missing_ok=True)  # of a dead daemon: we hold the lock
        self.program = Subprogram(PROGRAM, self._snapshot, length, self._unfinished)
        if self._is_closed:
            self.close()
        await self.program.run()


def _following(found: Iterator[bytes]) -> layout.NextFrame:
    ready: deque[bytes] = deque()

    async def following() -> bytes:
        if not ready:
            ready.extend(await asyncio.to_thread(lambda: list(islice(found, _FRAMES_AT_ONCE))))
        return ready.popleft() if ready else b""

    return following
