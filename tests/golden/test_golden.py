"""What others rely on to the letter: any change of it shows up in a diff of these files.

``UPDATE_GOLDEN=1 python -m pytest tests/golden`` writes them anew.
"""

import asyncio
import gc
import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import aiohttp
import pytest
from tests.builders import NOW_MS, ManualClock
from tests.e2e.daemon import Daemon as Process

from dora_exporter import __version__
from dora_exporter.app.daemon import Daemon
from dora_exporter.app.settings import Settings
from dora_exporter.cli import main
from dora_exporter.cli.demo.organisation import organisation, split
from dora_exporter.runtime.clock import system_clock
from dora_exporter.storage.file import encode, header_line

FILES = Path(__file__).parent
DAYS = 4
COMMANDS = (
    "", "demo", "history", "digest", "import", "export", "completion", "webhook try", "catalogue",
    "send", "send deployment", "send incident close",
)  # fmt: skip
OWN = ("dora_exporter_", "process_", "python_")
CHANGING = re.compile(r"\b(ts|version|path|address|seconds|pid|python|snapshot|duration_seconds|page)=(\"[^\"]*\"|\S+)")


def check(name: str, text: str) -> None:
    """Compares a text with its file, or writes it."""
    file = FILES / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@cache
def snapshot_of_the_demo() -> bytes:
    past, _ = split(organisation(3672, NOW_MS, days=DAYS), NOW_MS)
    return header_line() + b"".join(encode(happening.record) for happening in past)


async def answers(folder: Path, *paths: str) -> list[str]:
    """What a daemon with the demo's events answers."""
    (folder / "snapshot").write_bytes(snapshot_of_the_demo())
    settings = Settings.model_validate(
        {"snapshot": {"path": folder / "snapshot"}, "web": {"listen_addresses": ["127.0.0.1:0"]}, "windows": ["7d"]}
    )
    daemon = Daemon(settings, lambda: settings, clock=ManualClock())
    await daemon.start()
    host, port = daemon.addresses[0]
    try:
        async with aiohttp.ClientSession(base_url=f"http://{host}:{port}") as session:
            return [await (await session.get(path)).text() for path in paths]
    finally:
        await daemon.stop()
        gc.unfreeze()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return asyncio.run(answers(tmp_path_factory.mktemp("golden"), "/metrics", "/openapi.json"))


def test_the_exposition_of_the_demo(shown: list[str]) -> None:
    lines = shown[0].splitlines(keepends=True)
    check("exposition.txt", "".join(line for line in lines if not is_own_value(line)))


def is_own_value(line: str) -> bool:
    """What the daemon says of itself differs from run to run; its families do not."""
    return line.startswith(OWN)


def test_the_description_of_the_api(shown: list[str]) -> None:
    described = json.loads(shown[1])
    assert described["info"]["version"] == __version__
    described["info"]["version"] = "0.1.0"  # a checkout with Git's folder has one of its own
    check("openapi.json", json.dumps(described, indent=1, sort_keys=True) + "\n")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda name: name or "daemon")
def test_the_help(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as left:
        main([*command.split(), "--help"])
    assert left.value.code in {0, None}
    check(f"help-{command.replace(' ', '-') or 'daemon'}.txt", capsys.readouterr().out)


def test_the_snapshot_file_of_the_demo() -> None:
    check("snapshot.jsonl", snapshot_of_the_demo().decode())


def test_the_log_of_a_life(tmp_path: Path) -> None:
    daemon = Process(tmp_path, {"log": {"level": "debug"}})
    with daemon.running() as running:
        running.send("deployment", id="deployment-000001", service="shop", started_at=now(), finished_at=now())
        running.request("POST", "/api/v2/dora/deployment", b"{}")
        assert running.process.stop() == 0
        said = running.process.log
    check("log.txt", "".join(steady(said)))


def now() -> int:
    return system_clock() // 1000


def steady(lines: list[str]) -> Iterator[str]:
    """The lines without what differs from run to run, nor what another program says."""
    for line in lines:
        yield CHANGING.sub(r"\1=...", line)
