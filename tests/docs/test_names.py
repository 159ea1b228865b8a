"""The walk from a mess of names to order, step by step as a reader would take it."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from tests.cli.calling import environment
from tests.docs import manual
from tests.e2e.daemon import Daemon
from tests.e2e.programs import program

from dora_exporter.runtime.clock import stopwatch

ADDRESS = "127.0.0.1:3672"
SECONDS = 10.0


def walk() -> list[manual.Block]:
    """The commands, what they print, and the configurations between them, in their order."""
    (section,) = (
        part for part in manual.page("docs/names.md").text.split("\n## ") if part.startswith("From a mess to order\n")
    )
    return manual.blocks(section, "shell", "text", "json", "yaml")


def test_every_step_prints_what_the_page_says(tmp_path: Path) -> None:
    steps = walk()
    with Daemon(tmp_path, flags=("--web.enable-lifecycle",)).running() as running:
        for step, following in pairwise(steps):
            if step.language == "yaml":
                (tmp_path / "config.yaml").write_text(step.text)
            elif step.language == "shell":
                commands = step.text.replace(ADDRESS, f"{running.host}:{running.port}")
                assert settled(commands, tmp_path, following.text) == following.text, step.line

    assert [step.language for step in steps].count("yaml") > 2


def settled(commands: str, folder: Path, promised: str) -> str:
    """What commands print, in the end: the daemon renders its own families anew only once in a while."""
    deadline = stopwatch() + SECONDS
    while (said := run(commands, folder)) != promised and stopwatch() < deadline:
        pass
    return said


def run(commands: str, folder: Path) -> str:
    """What commands print beside the daemon, and what they complain about."""
    started = f'dora-exporter() {{ "{sys.executable}" -m dora_exporter "$@"; }}\n{commands}'
    ended = subprocess.run(
        [program("bash"), "-c", started], cwd=folder, capture_output=True, text=True, check=False, timeout=60,
        env=environment() | {"DORA_SNAPSHOT__PATH": "snapshot.jsonl"},
    )  # fmt: skip
    return ended.stderr + ended.stdout.rstrip() + "\n"
