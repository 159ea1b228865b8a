"""Programs of ours in processes of their own."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from tests.storage.postgresql.waiting import until

from dora_exporter.runtime.child_process import Subprogram, SubprogramFailed

ECHO = """
import sys
from dora_exporter.runtime.child_process import end_with_daemon
end_with_daemon()
said, asked = sys.argv[1:]
open(said, "w").write(asked)
if asked == "wait":
    import time
    time.sleep(600)
if asked == "fail":
    sys.exit("Traceback\\nthe last line")
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that does as its last argument says."""
    (tmp_path / "echoing.py").write_text(ECHO)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "echoing"


async def test_it_reads_its_arguments(echo: str, tmp_path: Path) -> None:
    await Subprogram(echo, tmp_path / "said", "hello").run()
    assert (tmp_path / "said").read_text() == "hello"


async def test_a_failure_is_told_by_its_last_words(echo: str, tmp_path: Path) -> None:
    with pytest.raises(SubprogramFailed, match=r"^the last line$"):
        await Subprogram(echo, tmp_path / "said", "fail").run()


async def test_one_that_is_ended_before_it_began_fails(echo: str, tmp_path: Path) -> None:
    program = Subprogram(echo, tmp_path / "said", "wait")
    program.end()
    with pytest.raises(SubprogramFailed, match="ended with status -9"):
        await program.run()


async def test_who_is_cancelled_leaves_no_process_behind(echo: str, tmp_path: Path) -> None:
    program = Subprogram(echo, tmp_path / "said", "wait")
    running = asyncio.create_task(program.run())
    await asyncio.to_thread(until, (tmp_path / "said").exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert program.process is not None
    assert program.process.returncode == -9


def test_a_program_ends_with_its_daemon(echo: str, tmp_path: Path) -> None:
    code = f"""
import asyncio, os
from dora_exporter.runtime.child_process import Subprogram
program = Subprogram({echo!r}, {str(tmp_path / "said")!r}, "wait")
async def run():
    task = asyncio.create_task(program.run())
    while not os.path.exists({str(tmp_path / "said")!r}):
        await asyncio.sleep(0)
    print(program.process.pid, flush=True)
    os.kill(os.getpid(), 9)
asyncio.run(run())
"""
    environment = {"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"}
    daemon = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, timeout=60, env=environment, text=True
    )
    command_line = Path("/proc") / daemon.stdout.strip() / "cmdline"
    until(lambda: not command_line.exists() or echo not in command_line.read_text())
