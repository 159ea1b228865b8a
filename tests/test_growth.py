"""Growth stays cheap: a source, a metric and an endpoint are each added in at most five places.

A place is a file that has to know the new member: in ``src`` each file outside of the member's own that names it, and
in ``tests``, ``docs`` and the example each table, which is a file that names the member and all others of its family.
The member's own folder or module, test files and page are called after it. What a command writes is no place: goldens
by ``UPDATE_GOLDEN=1``, three pages by ``python -m tests.docs``. Neither is the README, which is prose.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from dora_exporter.dora.metrics import ALL, rework
from dora_exporter.sources import KINDS
from dora_exporter.web.api import validate
from dora_exporter.web.application import EVENT_OPERATIONS

ROOT = Path(__file__).parents[1]
SCOPE = ("src", "tests", "docs", "mkdocs.yml", "config.example.yaml")
WRITTEN = re.compile(r"tests/golden/|docs/(configuration/settings|metrics/reference|endpoints)\.md")
MOST_PLACES = 5


@cache
def texts() -> dict[str, str]:
    """Every file in scope that no command writes, by its path."""
    found = [
        file for place in SCOPE for file in ((ROOT / place).rglob("*") if (ROOT / place).is_dir() else [ROOT / place])
    ]
    files = {str(file.relative_to(ROOT)): file for file in found if file.is_file() and "__pycache__" not in file.parts}
    return {
        path: file.read_text("utf-8", "replace")
        for path, file in files.items()
        if not WRITTEN.match(path) and path != "tests/test_growth.py"
    }


def places(own: str, member: str, family: Sequence[str]) -> Iterator[str]:
    """The files that have to know a member; all names are regular expressions, ``own`` is one of paths."""
    for path, text in texts().items():
        if re.search(own, path) or not re.search(member, text):
            continue
        if path.startswith("src/") or all(re.search(other, text) for other in family):
            yield path


def kind(name: str) -> str:
    """How a file names a kind of source: by its setting, its package or its page."""
    return rf"\b{name}\b|sources\.{name.removesuffix('_apm')}\b|\b{name.replace('_', '-')}\.md"


def metric(name: str) -> str:
    return rf"\b(dora_)?{name.removeprefix('dora_')}\b"


def endpoint(module: str) -> str:
    return rf"\b{module}\.(OPERATIONS|routes)\b"


@pytest.mark.parametrize(
    ("name", "own"),
    [("datadog_apm", r"\b(test_|fake_)?datadog"), ("alertmanager", r"\b(test_)?alert(manager|_history)")],
)
def test_a_source_that_is_polled_or_pushed_to_is_added_in_five_places(name: str, own: str) -> None:
    found = list(places(own, kind(name), [kind(each) for each in KINDS]))

    assert "src/dora_exporter/sources/__init__.py" in found
    assert len(found) <= MOST_PLACES, found


def test_a_metric_is_added_in_five_places() -> None:
    names = "|".join(metric(each.name) for each in rework.METRICS)
    found = list(places(r"\b(test_)?rework\b", rf"{names}|\brework\.METRICS", [metric(each.name) for each in ALL]))

    assert "src/dora_exporter/dora/metrics/__init__.py" in found
    assert len(found) <= MOST_PLACES, found


def test_an_endpoint_is_added_in_five_places() -> None:
    paths = {operation.path for operation in validate.OPERATIONS}
    names = "|".join((endpoint("validate"), *(f'"{re.escape(path)}"' for path in paths)))
    found = list(places(r"\b(test_)?validate\b", names, [f'"{re.escape(each.path)}"' for each in EVENT_OPERATIONS]))

    assert "src/dora_exporter/web/application.py" in found
    assert len(found) <= MOST_PLACES, found
