"""Tests can be run again by their names."""

import subprocess
import sys

import pytest

COLLECT = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "", "-p", "no:cacheprovider")


@pytest.mark.e2e
def test_names_hold_neither_the_time_nor_anything_else_that_changes() -> None:
    first, second = (set(_names()) for _ in range(2))
    assert (first - second, second - first) == (set(), set())
    assert first


def _names() -> list[str]:
    done = subprocess.run(COLLECT, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if "::" in line]
