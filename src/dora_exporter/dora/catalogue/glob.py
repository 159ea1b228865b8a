"""Globs for names: ``*`` is any text, ``?`` any character, and each captures what it stands for."""

import re
from itertools import product

from dora_exporter.dora.failures.pattern import compiled

_WILDCARD = re.compile(r"([*?])")
_REFERENCE = re.compile(r"\\([1-9])")
_EXPRESSIONS = {"*": "(.*)", "?": "(.)"}


def is_glob(text: str) -> bool:
    """Whether a text has a wildcard."""
    return _WILDCARD.search(text) is not None


class Glob:
    """A glob for whole names, which are matched in linear time."""

    def __init__(self, text: str) -> None:
        """Wildcards cannot be escaped."""
        self.text = text
        parts = [_EXPRESSIONS.get(part) or re.escape(part) for part in _WILDCARD.split(text)]
        self._expression = compiled(f"(?s)^{''.join(parts)}$")

    def captured(self, name: str) -> tuple[str, ...] | None:
        """What the wildcards stand for in a name; None for one that does not match."""
        found = self._expression.search(name)
        return found.groups() if found else None


def takes_everything(text: str) -> bool:
    """Whether a glob matches nearly every name."""
    return not _WILDCARD.sub("", text)


def wildcards(text: str) -> int:
    """How many wildcards a glob has."""
    return len(_WILDCARD.findall(text))


def references(template: str) -> list[int]:
    r"""The numbers of the wildcards that a template names, as ``\1``."""
    return [int(number) for number in _REFERENCE.findall(template)]


def expanded(template: str, captured: tuple[str, ...]) -> str:
    """The template with what the wildcards stand for."""
    return _REFERENCE.sub(lambda found: captured[int(found[1]) - 1], template)


def as_glob(template: str) -> str:
    """A glob that matches whatever a template can become."""
    return _REFERENCE.sub("*", template)


def literals(text: str) -> str:
    """What of a glob or a template stands for itself."""
    return _WILDCARD.sub("", _REFERENCE.sub("", text))


def overlap(one: str, other: str) -> bool:
    """Whether some name matches both globs."""
    reached = [[False] * (len(other) + 1) for _ in range(len(one) + 1)]
    reached[0][0] = True
    for i, j in product(range(len(one) + 1), range(len(other) + 1)):
        if reached[i][j]:
            for di, dj in _moves(one[i : i + 1], other[j : j + 1]):
                reached[i + di][j + dj] = True
    return reached[-1][-1]


def _moves(one: str, other: str) -> list[tuple[int, int]]:
    """How far both globs can be read on together, from a character of each; empty is the end."""
    moves = []
    if one == "*":
        moves.append((1, 0))
    if other == "*":
        moves.append((0, 1))
    if one and other:
        if one == "*" and other != "*":
            moves.append((0, 1))
        elif other == "*" and one != "*":
            moves.append((1, 0))
        elif one == other or "?" in (one, other):
            moves.append((1, 1))
    return moves
