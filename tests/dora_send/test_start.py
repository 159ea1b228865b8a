"""It starts at once, needs the standard library alone, and is one file for whoever wants one."""

import resource
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dora_send.sending import PACKAGE, SECONDS, environment, last, send
from tests.e2e.daemon import RunningDaemon

import dora_send

TIMES_AS_LONG = 3.0
ROUNDS = 15
VERSION = f"dora-send {dora_send.__version__}"
NEVER_LOADED = ("aiohttp", "pydantic", "typing", "urllib.request", "subprocess", "json")


def user_seconds(command: list[str], folder: Path) -> float:
    """The time that the processor worked for a command, which is less moved by other processes than a clock's time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment(), capture_output=True, check=False, timeout=SECONDS)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    "command", [["dora_send", "deployment", "--service=x"], ["dora_exporter", "send", "deployment", "--service=x"]]
)
def test_it_starts_in_three_times_what_python_takes(folder: Path, command: list[str]) -> None:
    started, empty = [], []
    for _ in range(ROUNDS):
        started.append(user_seconds([sys.executable, "-m", *command], folder))
        empty.append(user_seconds([sys.executable, "-c", "pass"], folder))

    assert min(started) <= TIMES_AS_LONG * min(empty)


def test_options_are_read_before_anything_is_loaded(folder: Path) -> None:
    code = (
        "import sys; from dora_exporter.cli import main;"
        "main(['send', 'deployment', '--service=x']);"
        "print([name for name in sys.argv[1:] if name in sys.modules])"
    )

    printed = send(*NEVER_LOADED, folder=folder, program=(sys.executable, "-S", "-c", code))

    assert printed.output == "[]\n"


@pytest.fixture(scope="module")
def one_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package in one file, as the documented command packs it."""
    place = tmp_path_factory.mktemp("packed")
    shutil.copytree(PACKAGE, place / "source" / "dora_send", ignore=shutil.ignore_patterns("__pycache__"))
    packing = (sys.executable, "-m", "zipapp", "source", "--main=dora_send.cli:run", "--output=dora-send")
    subprocess.run(packing, cwd=place, check=True)
    return place / "dora-send"


def interpreters() -> Iterator[str]:
    """This Python, and others that are here."""
    yield sys.executable
    for minor in range(9, 16):
        for place in (Path("/usr/bin"), Path("/usr/local/bin"), *Path.home().glob(f".pyenv/versions/3.{minor}.*/bin")):
            if (found := place / f"python3.{minor}").exists():
                yield str(found)


@pytest.mark.parametrize("python", list(interpreters()), ids=lambda path: Path(path).name)
def test_one_file_runs_without_any_package(
    daemon: RunningDaemon, folder: Path, service: str, one_file: Path, python: str
) -> None:
    alone = (python, "-I", "-S", str(one_file))
    typed = (f"--service={service}", f"--url={daemon.url}", "--started-at=2020-01-31T12:00:00.5+01:00")

    ended = send("deployment", *typed, folder=folder, program=alone)

    assert (ended.code, ended.errors.count("\n")) == (0, 1), ended.errors
    assert last(daemon, service)["started_at"] == "2020-01-31T11:00:00.500Z"
    assert send("deployment", *typed, "--env=_other", folder=folder, program=alone).code == 64
    assert send("incident", "close", "--id=x", typed[1], folder=folder, program=alone).code == 64


def test_the_folder_runs_by_its_path(folder: Path) -> None:
    assert send("--version", folder=folder, program=(sys.executable, "-I", str(PACKAGE))).output == f"{VERSION}\n"


def test_a_release_gives_both_packages_one_version() -> None:
    """The version of a copy without Git's folder is the one that a release sets by hand."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert dora_send.__version__ == project["tool"]["hatch"]["version"]["fallback-version"]
