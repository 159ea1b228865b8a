"""The program that rewrites a snapshot file without what later records made void; it runs in a process of its own.

It replays the file into a store of its own and writes what that holds: what is kept is what a replay would leave.
"""

import gc
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from dora_exporter.dora.records import Cursor, Record, SeriesOrder
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.child_process import end_with_daemon
from dora_exporter.storage.file.disk import SYNC_EVERY_BYTES
from dora_exporter.storage.file.line_format import encode, header_line
from dora_exporter.storage.file.scan import Scan


class DamagedFile(Exception):
    """A line cannot be read; it is for the next start to set the file aside."""


def replayed(fd: int, end: int) -> EventStore:
    """The store that a replay of the first ``end`` bytes of a file leaves; raises DamagedFile or OSError."""
    store = EventStore()
    scan = Scan(fd, end)
    for chunk in scan:
        store.apply_all(chunk.records)
    if scan.lines_lost or scan.torn or not scan.is_ours:
        raise DamagedFile(f"unreadable line at byte {scan.first_loss or scan.length}")
    return store


def kept(store: EventStore, oldest_ms: int) -> Iterator[Record]:
    """The records that leave the same store, without tombstones from before ``oldest_ms``."""
    if store.series_order:
        yield SeriesOrder(tuple(store.series_order))
    yield from store.deployments.values()
    yield from store.incidents.values()
    for tombstone in store.tombstones.values():
        if tombstone.at >= oldest_ms:
            yield tombstone
    for name, state in store.cursors.items():
        yield Cursor(name, state)


def write(records: Iterable[Record], target: Path, now_ms: int) -> None:
    """Writes a new file, durably, a piece at a time so that no flush takes long."""
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(header_line(compacted_at=now_ms))
        unsynced = 0
        for record in records:
            unsynced += file.write(encode(record))
            if unsynced >= SYNC_EVERY_BYTES:
                file.flush()
                os.fdatasync(file.fileno())
                unsynced = 0
        file.flush()
        os.fsync(file.fileno())


def main() -> None:
    """``compaction SOURCE END TARGET NOW_MS RETENTION_MS``: compacts the first END bytes of a file into a new one."""
    source, end, target, now_ms, retention_ms = sys.argv[1:]
    end_with_daemon()
    gc.disable()  # it would look for cycles among a million events, in vain
    os.nice(10)
    store = replayed(os.open(source, os.O_RDONLY), int(end))
    write(kept(store, int(now_ms) - int(retention_ms)), Path(target), int(now_ms))


if __name__ == "__main__":
    main()
