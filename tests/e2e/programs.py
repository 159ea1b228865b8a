"""The programs and packages beside Python that end-to-end tests need: found, or the test says what is missing."""

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI") == "true"


def program(name: str) -> str:
    """The path of a program: beside this Python, else on the search path.

    Without it the test is skipped on a developer's machine and fails in CI, where nothing may go untested.
    """
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    return found or missing(name)


def npm_package(name: str) -> Path:
    """The folder of an npm package, installed where the search path has its neighbours' programs; else as above."""
    programs = (Path(each) for each in os.environ["PATH"].split(os.pathsep) if each.endswith("node_modules/.bin"))
    found = (each.parent / name for each in programs)
    return next((each for each in found if each.exists()), None) or missing(name)


def missing(name: str) -> NoReturn:
    """Ends a test that needs what is not installed."""
    if IN_CI:
        pytest.fail(f"{name} is not installed", pytrace=False)
    pytest.skip(f"{name} is not installed")
