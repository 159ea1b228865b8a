"""Rotates through items that are too many to check in every pass."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence


class Rotation:
    """Goes round and round in the order of the names."""

    def __init__(self) -> None:
        """The first name comes first."""
        self._last = ""

    def next(self, names: Iterable[str], most: int) -> Sequence[str]:
        """The names whose turn it is, each at most once."""
        ordered = sorted(names)
        start = bisect_right(ordered, self._last)
        chosen = [*ordered[start:], *ordered[:start]][:most]
        self._last = chosen[-1] if chosen else ""
        return chosen
