"""The daemon with an eye on its event loop: run as a module, it takes the daemon's own arguments.

A timer of a millisecond comes late by as long as the loop was kept. On SIGUSR1 the log says the worst of that since it
last did, and the most of the processor's time that the loop's thread took between two such timers, which other work of
the machine does not lengthen. On SIGUSR2 the snapshot file is compacted, and the log says when.
"""

import asyncio
import signal
import sys
import time

from dora_exporter.app import storage
from dora_exporter.cli import main
from dora_exporter.dora.event_log import Apply
from dora_exporter.dora.events import DAY_MS
from dora_exporter.runtime.clock import system_clock
from dora_exporter.storage.file import SnapshotFile

_TICK_SECONDS = 0.001
_RETENTION_MS = 400 * DAY_MS


class WatchedFile(SnapshotFile):
    """The daemon's own snapshot file, which begins the watch when it starts to take records."""

    async def start(self, apply: Apply) -> None:
        """Begins to watch."""
        await super().start(apply)
        loop = asyncio.get_running_loop()
        watch = Watch(loop)
        loop.add_signal_handler(signal.SIGUSR1, watch.report)
        loop.add_signal_handler(signal.SIGUSR2, self._compact_soon)

    def _compact_soon(self) -> None:
        self._asked = asyncio.ensure_future(self.compact(system_clock(), _RETENTION_MS))


class Watch:
    """Measures how late its own timer comes."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins at once."""
        self._loop = loop
        self._worst = self._longest = 0.0
        self._wait()

    def report(self) -> None:
        """Says the worst since the last report, in milliseconds."""
        sys.stdout.write(f"longest turn {self._longest * 1000:.3f} ms, worst stall {self._worst * 1000:.3f} ms\n")
        sys.stdout.flush()
        self._worst = self._longest = 0.0

    def _wait(self) -> None:
        self._begun = time.thread_time()
        self._due = self._loop.time() + _TICK_SECONDS
        self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        self._longest = max(self._longest, time.thread_time() - self._begun)
        self._worst = max(self._worst, self._loop.time() - self._due)
        self._wait()


if __name__ == "__main__":
    vars(storage)["SnapshotFile"] = WatchedFile
    sys.exit(main())
