"""What the list of folders promises: few names at the front door, and no name twice in a room."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "dora_exporter"
MOST_NAMES = 12
ROOMS = sorted(each.name for each in PACKAGE.iterdir() if each.is_dir() and each.name != "__pycache__")
FAMILIES = ("cli", "sources", "storage")
"""In these each folder is a member of one family, so that the same part of two members has the same name."""


def names_in(room: Path) -> Iterator[str]:
    """The names of the modules in a room. A contract belongs to the family of its folder."""
    for each in room.rglob("*.py"):
        if each.stem not in {"__init__", "contract"}:
            yield each.stem


def test_the_front_door_has_few_names() -> None:
    names = {each.name for each in PACKAGE.iterdir()} - {"__pycache__", "__init__.py", "__main__.py"}

    assert len(names) <= MOST_NAMES, sorted(names)


@pytest.mark.parametrize("room", ROOMS)
def test_no_two_modules_of_a_room_have_the_same_name(room: str) -> None:
    folders = [PACKAGE / room]
    if room in FAMILIES:
        folders = [each for each in folders[0].iterdir() if each.is_dir()]

    twice = {name for folder in folders for name, count in Counter(names_in(folder)).items() if count > 1}

    assert twice == set()
