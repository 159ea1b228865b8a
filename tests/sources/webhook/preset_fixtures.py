"""Deliveries as the vendors' documents show them, each with what the daemon must hold after it.

A file is ``{"headers", "body", "becomes"}``. Files whose names begin with a number are the states of one life, in their
order; ``becomes`` is then what is held after this state and those before it, in whatever order they come.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("presets")


@dataclass(frozen=True)
class Fixture:
    """One file."""

    path: Path

    @property
    def preset(self) -> str:
        return self.path.parent.name

    @property
    def is_of_a_life(self) -> bool:
        return self.path.name[0].isdigit()

    @cached_property
    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.path.read_text("utf-8"))
        return content

    @property
    def headers(self) -> dict[str, str]:
        headers: dict[str, str] = self._content["headers"]
        return headers

    @property
    def body(self) -> bytes:
        return json.dumps(self._content["body"]).encode()

    @property
    def becomes(self) -> list[dict[str, Any]]:
        becomes: list[dict[str, Any]] = self._content["becomes"]
        return becomes

    def __str__(self) -> str:
        return f"{self.preset}/{self.path.stem}"


def all_fixtures() -> list[Fixture]:
    """All, by preset and name."""
    return [Fixture(path) for path in sorted(FOLDER.glob("*/*.json"))]


def lives() -> dict[str, list[Fixture]]:
    """The life that each preset has, in its order."""
    found: dict[str, list[Fixture]] = {}
    for each in all_fixtures():
        if each.is_of_a_life:
            found.setdefault(each.preset, []).append(each)
    return found
