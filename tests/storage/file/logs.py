"""Snapshot files with the store they fill, and a disk that fails on command."""

import errno
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.builders import ManualClock

from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.file import SnapshotFile, encode, header_line
from dora_exporter.storage.file.disk import Disk


@dataclass
class Kept:
    """A started log beside the store that it fills."""

    log: SnapshotFile
    store: EventStore = field(default_factory=EventStore)

    @property
    def ids(self) -> list[str]:
        """The deployments held, in order."""
        return list(self.store.deployments)


@asynccontextmanager
async def opened(path: Path, **options: object) -> AsyncIterator[Kept]:
    """Opens, replays and starts a log, and closes it at the end."""
    log: Callable[..., SnapshotFile] = SnapshotFile
    kept = Kept(log(path, **{"clock": ManualClock(), **options}))
    kept.log.open()
    try:
        async for chunk in kept.log.replay():
            for record in chunk:
                kept.store.apply(record)
        await kept.log.start(kept.store.apply_all)
        yield kept
    finally:
        await kept.log.close()


async def ids_after_restart(path: Path) -> list[str]:
    """What a restart finds."""
    async with opened(path) as kept:
        return kept.ids


def file_of(path: Path, records: Iterable[Record]) -> list[bytes]:
    """Writes a healthy file, and returns its lines."""
    lines = [header_line(), *map(encode, records)]
    path.write_bytes(b"".join(lines))
    return lines


def content(path: Path) -> bytes:
    """What is in a file."""
    return path.read_bytes()


def put(path: Path, data: bytes) -> None:
    """Makes a file of these bytes."""
    path.write_bytes(data)


def remove(path: Path) -> None:
    """Removes a file."""
    path.unlink()


def asides(path: Path) -> list[Path]:
    """The files that were moved aside."""
    return sorted(each for each in path.parent.iterdir() if each != path)


class FaultyDisk(Disk):
    """A disk whose calls named in ``faults`` fail with that error number; ``room`` bytes can still be written."""

    def __init__(self) -> None:
        """A disk without fault."""
        self.faults: dict[str, int] = {}
        self.room: int | None = None
        self.longest_write: int | None = None
        self.calls: list[str] = []

    def _enter(self, call: str) -> None:
        self.calls.append(call)
        if call in self.faults:
            raise OSError(self.faults[call], os.strerror(self.faults[call]))

    def open(self, path: Path, flags: int) -> int:
        self._enter("open for reading" if not flags & (os.O_RDWR | os.O_WRONLY) else "open for writing")
        return super().open(path, flags)

    def write(self, fd: int, data: bytes | memoryview, position: int) -> int:
        self._enter("write")
        if self.room is not None:
            if not self.room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            data = data[: self.room]
        written = super().write(fd, data[: self.longest_write], position)
        if self.room is not None:
            self.room -= written
        return written

    def truncate(self, fd: int, length: int) -> None:
        self._enter("truncate")
        super().truncate(fd, length)

    def sync(self, fd: int) -> None:
        self._enter("sync")
        super().sync(fd)

    def replace(self, source: Path, target: Path) -> None:
        self._enter("replace")
        super().replace(source, target)

    def sync_folder(self, path: Path) -> None:
        self._enter("sync folder")
        super().sync_folder(path)
