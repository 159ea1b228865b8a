"""A disk without room, as the kernel makes one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.builders import deployment
from tests.storage.file.logs import ids_after_restart, opened, remove

from dora_exporter.dora.event_log import Unavailable
from dora_exporter.storage.file import read

LIMITED = Path(__file__).with_name("limited.py")


def fill(folder: Path) -> Path:
    """Uses up all the room there is with one file, which is returned."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 512)
        except OSError:
            return ballast


@contextmanager
def tmpfs(folder: Path) -> Iterator[Path]:
    """A small file system in memory."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


async def fill_and_heal(folder: Path) -> list[str]:
    """Appends before, while and after a file system is full; returns what a restart finds."""
    path = folder / "events"
    async with opened(path) as kept:
        await kept.log.append([deployment(id="before")])
        ballast = fill(folder)
        with pytest.raises(Unavailable, match="No space left on device"):
            await kept.log.append([deployment(id=f"during{number}") for number in range(40)])
        assert kept.ids == ["before"]
        remove(ballast)
        await kept.log.append([deployment(id="after")])
    return await ids_after_restart(path)


def may_mount() -> bool:
    """Whether a test may mount here; where not, the limit of a process's files stands for a full disk."""
    with TemporaryDirectory() as folder:
        try:
            with tmpfs(Path(folder)):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


def test_a_file_that_may_not_grow_refuses_writers_and_heals(tmp_path: Path) -> None:
    path = tmp_path / "events"
    done = subprocess.run([sys.executable, LIMITED, path], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["before kept", "during refused", "during refused", "after kept"]
    assert [getattr(record, "id", None) for record in read(path)] == ["before", "after"]


if may_mount():

    async def test_a_full_file_system_refuses_writers_and_heals(tmp_path: Path) -> None:
        with tmpfs(tmp_path):
            assert await fill_and_heal(tmp_path) == ["before", "after"]
