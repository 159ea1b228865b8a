"""A program whose files may not grow for a while: prints what became of each append."""

import asyncio
import resource
import sys
from pathlib import Path

from dora_exporter.dora.event_log import Unavailable
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.file import SnapshotFile


async def main(path: Path) -> None:
    """Appends before, during and after the limit."""
    log, store = SnapshotFile(path), EventStore()
    log.open()
    async for _ in log.replay():
        pass
    await log.start(store.apply_all)
    await attempt(log, "before")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.statistics().size_bytes + 60, hard))
    await attempt(log, "during")
    await attempt(log, "during")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await attempt(log, "after")
    await log.close()


async def attempt(log: SnapshotFile, name: str) -> None:
    """Appends a deployment, and prints whether that was possible."""
    try:
        await log.append([Deployment(name, "shop", "prod", 1, 2)])
    except Unavailable:
        sys.stdout.write(f"{name} refused\n")
    else:
        sys.stdout.write(f"{name} kept\n")


asyncio.run(main(Path(sys.argv[1])))
