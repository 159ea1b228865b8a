"""The files beside a snapshot file: unfinished ones, and what was moved aside."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from dora_exporter.storage.file.disk import Disk, copy

_UNFINISHED = (".compacting", ".rewriting")


def compacting(path: Path) -> Path:
    """Where a compaction writes."""
    return path.with_name(path.name + ".compacting")


def rewriting(path: Path) -> Path:
    """Where a repair writes."""
    return path.with_name(path.name + ".rewriting")


def remove_unfinished(path: Path) -> None:
    """Removes what a dead process left unfinished. Whoever calls holds the lock."""
    for ending in _UNFINISHED:
        path.with_name(path.name + ending).unlink(missing_ok=True)


def keep_aside(disk: Disk, path: Path, reason: str, now_ms: int) -> Path:
    """Gives the file a second, unused name that tells the reason, and leaves the first. Returns the new name."""
    for name in _names_aside(path, reason, now_ms):
        try:
            os.link(path, name)
        except FileExistsError:
            continue
        except OSError:  # a file system without hard links
            if not _copy_aside(disk, path, name):
                continue
        disk.sync_folder(path)
        return name
    raise AssertionError("names do not end")


def _names_aside(path: Path, reason: str, now_ms: int) -> Iterator[Path]:
    stamp = datetime.fromtimestamp(now_ms / 1000, tz=UTC).strftime("%Y%m%dT%H%M%SZ")
    yield path.with_name(f"{path.name}.{reason}-{stamp}")
    for number in count(2):
        yield path.with_name(f"{path.name}.{reason}-{stamp}-{number}")


def _copy_aside(disk: Disk, path: Path, name: Path) -> bool:
    with _opened(disk, path, os.O_RDONLY) as source:
        try:
            with _opened(disk, name, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as target:
                copy(disk, source, target, start=0, end=os.fstat(source).st_size, position=0)
        except FileExistsError:
            return False
        except OSError:
            name.unlink(missing_ok=True)
            raise
    return True


@contextmanager
def _opened(disk: Disk, path: Path, flags: int) -> Iterator[int]:
    fd = disk.open(path, flags)
    try:
        yield fd
    finally:
        os.close(fd)


def real(path: Path) -> Path:
    """Where links lead; a path that leads in a circle stays, for the operating system to refuse."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # what Python raises depends on its version
        return path.absolute()
