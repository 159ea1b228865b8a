"""Two processes and one snapshot file."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from tests.builders import NOW_MS, deployment
from tests.storage.file.logs import ids_after_restart, opened

from dora_exporter.storage.checkpoint.manager import Checkpoints
from dora_exporter.storage.file import SnapshotError, SnapshotFile, SnapshotInUse

OPEN = "import sys, pathlib, dora_exporter.storage.file as s; s.SnapshotFile(pathlib.Path(sys.argv[1])).open()"


def open_elsewhere(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", OPEN, path], capture_output=True, text=True, check=False)


async def test_a_second_process_gets_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with opened(path) as kept:
        second = await asyncio.to_thread(open_elsewhere, path)
        assert second.returncode
        assert second.stderr.splitlines()[-1].endswith(f"snapshot file {path} is in use by another process")
        await kept.log.append([deployment(id="a")])
    assert await ids_after_restart(path) == ["a"]


async def test_the_lock_outlasts_a_compaction(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with opened(path) as kept:
        assert await kept.log.compact(NOW_MS, 1)
        with pytest.raises(SnapshotInUse):
            SnapshotFile(path).open()


@pytest.mark.parametrize("name", ["loop", "loop/events"])
def test_a_link_that_leads_to_itself_is_one_clear_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(SnapshotError, match=f"^snapshot file {tmp_path}/{name} cannot be used: "):
        SnapshotFile(tmp_path / name).open()
    Checkpoints(tmp_path / name)
