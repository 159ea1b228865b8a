"""The files under ``deploy``, and the programs that check them."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from tests.e2e.programs import program

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def read(file: Path) -> dict[str, Any]:
    """A YAML file with one document."""
    parsed: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return parsed


def check(name: str, *arguments: str | Path) -> str:
    """Runs a program, which must find no fault, and gives all that it says."""
    done = run([program(name), *map(str, arguments)])
    assert done.returncode == 0, done.stdout
    return done.stdout


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, both of its outputs as one."""
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False, timeout=120
    )
