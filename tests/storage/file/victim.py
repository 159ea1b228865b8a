"""A program to be killed: it appends and compacts without end, and prints each id once it is acknowledged."""

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.file import SnapshotFile

FAR_MS = 1 << 60


async def main(path: Path, name: str) -> None:
    """Runs until it is killed."""
    log, store = SnapshotFile(path), EventStore()
    log.open()
    async for chunk in log.replay():
        for record in chunk:
            store.apply(record)
    await log.start(store.apply_all)
    await asyncio.gather(compact(log), *(send(log, f"{name}-{number}") for number in range(8)))


async def send(log: SnapshotFile, name: str) -> None:
    """One sender among several."""
    for number in count():
        await log.append([Deployment(f"{name}-{number}", "shop", "prod", 1, 2, tags=("tag:" + "x" * 200,) * 5)])
        os.write(1, f"{name}-{number}\n".encode())


async def compact(log: SnapshotFile) -> None:
    """One compaction after the other."""
    while True:
        await log.compact(0, FAR_MS)
        os.write(1, b"compacted\n")


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
