"""The bars of import, export and history: on a terminal, and nowhere else."""

import os
import pty
import re
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from tests.builders import deployment
from tests.cli.calling import command, environment, kept

from dora_exporter.cli.progress import bar, counted, shown

COMMANDS = {
    "importing": ("import", "given", "--snapshot.path=target"),
    "exporting": ("export", "--snapshot.path=events.snapshot", "--output=exported"),
    "computing": ("history", "--snapshot.path=events.snapshot", "--from=2025-06-14", "--to=2025-06-15"),
}


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def capable_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that can move its cursor, and is wide enough."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_progress_is_drawn_on_a_terminal_only() -> None:
    terminal, pipe = Terminal(), StringIO()
    for stream in (terminal, pipe):
        assert list(shown(range(1000), "computing", stream)) == list(range(1000))
    assert re.search(r"computing.*100%", terminal.getvalue())
    assert pipe.getvalue() == ""


def test_a_bar_that_ends_early_says_how_far_it_came() -> None:
    terminal = Terminal()
    for item in shown(range(100), "computing", terminal):
        if item == 25:
            break
    assert re.findall(r"(\d+)%", terminal.getvalue())[-1] == "25"


def test_the_bar_of_lines_tells_how_many_bytes_were_read() -> None:
    told: list[int] = []
    lines = [b"x" * 40_000, b"y" * 40_000, b"z"]
    assert list(counted(lines, told.append)) == lines
    assert told == [80_000, 1]


def test_a_bar_without_a_known_end_is_no_error() -> None:
    terminal = Terminal()
    with bar("importing", None, terminal) as advance:
        advance(5)
    assert "importing" in terminal.getvalue()


@pytest.mark.parametrize("what", COMMANDS)
@pytest.mark.parametrize("is_terminal", [True, False], ids=["terminal", "pipe"])
def test_a_command_draws_its_bar_where_a_person_waits(what: str, is_terminal: bool, tmp_path: Path) -> None:  # noqa: FBT001  # a parameter of the test
    kept(tmp_path / "events.snapshot", [deployment()])
    (tmp_path / "given").write_text('{"no": "event"}\n')
    said = errors_of(command(*COMMANDS[what]), tmp_path, is_terminal=is_terminal)
    assert (what in said, "\x1b" in said) == (is_terminal, is_terminal), said
    assert ("given:1: " in said) == (what == "importing")


def errors_of(started: list[str], folder: Path, *, is_terminal: bool) -> str:
    """What a command writes to standard error, which is a terminal or a pipe."""
    reading, writing = pty.openpty() if is_terminal else os.pipe()
    done = subprocess.run(
        started, cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=writing, check=False, timeout=60
    )
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as stream:
        said = stream.read(1 << 16)
    assert done.returncode in (0, 1)
    return said.decode()
