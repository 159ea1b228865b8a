"""The daemon with an eye on its event loop: run as a module, it takes the daemon's own arguments.

The time by which a timer of one millisecond comes too late is how long the loop was kept. The longest since the last
look stands in the file that the environment names; removing the file begins anew.
"""

import asyncio
import os
import sys
from pathlib import Path

from dora_exporter.cli import main

FILE = "BENCHMARK_STALL_FILE"
_TICK_SECONDS = 0.001


class _WatchedPolicy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        Watch(loop, Path(os.environ[FILE])).begin()
        return loop


class Watch:
    """Measures how late its own timer comes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, file: Path) -> None:
        """Begins with ``begin``."""
        self._loop = loop
        self._file = file
        self._due = 0.0
        self._longest = 0.0

    def begin(self) -> None:
        """Sets the timer for the first time."""
        self._due = self._loop.time() + _TICK_SECONDS
        self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        late = self._loop.time() - self._due
        if not self._file.exists():
            self._longest = 0.0
        if late > self._longest or not self._file.exists():
            self._longest = max(late, self._longest)
            self._file.write_text(repr(self._longest))
        self.begin()


if __name__ == "__main__":
    asyncio.set_event_loop_policy(_WatchedPolicy())
    sys.exit(main())
