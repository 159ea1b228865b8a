"""The daemon with its log switched off: run as a module, it takes the daemon's own arguments and keeps no file."""

import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from dora_exporter.app import storage
from dora_exporter.cli import main
from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Apply
from dora_exporter.dora.records import Record
from dora_exporter.storage.file import Statistics


class MemoryLog:
    """An ``EventLog`` that forgets everything, with what the daemon asks of its snapshot file besides."""

    def __init__(self, _path: Path, **_options: object) -> None:
        """Takes what a snapshot file takes, and needs nothing of it."""
        self._apply: Apply | None = None

    def open(self) -> None:
        """Nothing to open."""

    async def replay(self, _start: int = 0) -> AsyncIterator[Sequence[Record]]:
        """Nothing was kept."""
        nothing: tuple[Sequence[Record], ...] = ()
        for records in nothing:
            yield records

    async def start(self, apply: Apply) -> None:
        """From here on every record is applied."""
        self._apply = apply

    async def append(self, records: Sequence[Record]) -> list[Outcome]:
        """Applies records at once."""
        assert self._apply is not None
        return self._apply(records)

    async def close(self) -> None:
        """Nothing to close."""

    def is_compaction_due(self) -> bool:
        """Never."""
        return False

    @property
    def statistics(self) -> Statistics:
        """Those of an empty file."""
        return Statistics(0, 0, None, None, None, None, None)


if __name__ == "__main__":
    vars(storage)["SnapshotFile"] = MemoryLog
    sys.exit(main())
