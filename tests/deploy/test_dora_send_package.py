"""The package that pipelines install: built from its folder, it runs alone in an empty environment."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.deploy.manifests import DEPLOY, ROOT

import dora_send

pytestmark = pytest.mark.e2e

SECONDS = 240


def run(*command: str | Path) -> str:
    """What a command prints, which must succeed."""
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS).stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as `pip install` of the folder makes it."""
    place = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", f"--wheel-dir={place}", DEPLOY / "dora-send")
    (found,) = place.iterdir()
    return found


def test_it_holds_every_module(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {Path(name).name for name in archive.namelist() if name.startswith("dora_send/")}

    assert inside == {file.name for file in (ROOT / "src" / "dora_send").glob("*.py")}


def test_it_is_installed_and_runs_without_anything_else(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    run(tmp_path / "venv/bin/pip", "install", "--quiet", "--no-index", wheel)

    assert run(tmp_path / "venv/bin/dora-send", "--version") == f"dora-send {dora_send.__version__}\n"
