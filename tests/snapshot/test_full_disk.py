"""A disk without room, as the kernel makes one."""

import subprocess
import sys
from pathlib import Path

from dora_exporter.snapshot import read

LIMITED = Path(__file__).with_name("limited.py")


def test_a_file_that_may_not_grow_refuses_writers_and_heals(tmp_path: Path) -> None:
    path = tmp_path / "events"
    done = subprocess.run([sys.executable, LIMITED, path], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["before kept", "during refused", "during refused", "after kept"]
    assert [getattr(record, "id", None) for record in read(path)] == ["before", "after"]
