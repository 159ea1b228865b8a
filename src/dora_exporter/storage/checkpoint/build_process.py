"""The program that makes a checkpoint from a snapshot file; it runs in a process of its own, and needs no daemon."""

import gc
import os
import sys
from pathlib import Path

from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.child_process import end_with_daemon
from dora_exporter.storage.checkpoint import frames, layout
from dora_exporter.storage.file.scan import Scan


class Unfit(Exception):
    """The snapshot file needs a complete replay."""


def make(source: int, end: int, target: Path) -> None:
    """Writes the checkpoint of the first ``end`` bytes of a snapshot file; raises Unfit or OSError."""
    store = EventStore()
    scan = Scan(source, end)
    for chunk in scan:
        store.apply_all(chunk.records)
    if not scan.is_ours or scan.lines_lost or scan.torn or scan.lacks_newline or scan.length != end:
        raise Unfit(f"unreadable line at byte {scan.first_loss or scan.length}")
    checksum = frames.checksum_of(source, end)
    if checksum is None:
        raise Unfit("the snapshot file was truncated by another program")
    frames.write(
        target,
        layout.frames(
            store,
            length=end,
            checksum=checksum,
            compacted_ms=scan.header.compacted_at if scan.header else None,
        ),
    )


def main() -> None:
    """``making SOURCE END TARGET``."""
    source, end, target = sys.argv[1:]
    end_with_daemon()
    gc.disable()  # it would look for cycles among a million events, in vain
    os.nice(10)
    make(os.open(source, os.O_RDONLY), int(end), Path(target))


if __name__ == "__main__":
    main()
