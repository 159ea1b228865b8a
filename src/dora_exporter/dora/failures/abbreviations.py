"""Finds SHAs by their abbreviations."""

from collections.abc import Collection, Iterable
from typing import Self

from dora_exporter.dora.sorted_in_steps import Steps

SHORTEST = 7
_PER_STEP = 2000


class Abbreviations:
    """A set of SHAs, grouped by their first seven characters."""

    def __init__(self, shas: Iterable[str]) -> None:
        """Holds these SHAs."""
        self._by_beginning: dict[str, set[str]] = {}
        for sha in shas:
            self.add(sha)

    @classmethod
    def made_in_steps(cls, shas: Iterable[str]) -> Steps[Self]:
        """Holds these SHAs, which stay as they are until it does."""
        made = cls(())
        for number, sha in enumerate(shas):
            made.add(sha)
            if number % _PER_STEP == 0:
                yield
        return made

    def add(self, sha: str) -> None:
        """Adds a SHA."""
        self._by_beginning.setdefault(sha[:SHORTEST], set()).add(sha)

    def discard(self, sha: str) -> None:
        """Removes a SHA, if it is held."""
        held = self._by_beginning.get(sha[:SHORTEST], set())
        held.discard(sha)
        if not held:
            self._by_beginning.pop(sha[:SHORTEST], None)

    def find(self, abbreviated: str) -> Collection[str]:
        """The SHAs with that beginning."""
        held = self._by_beginning.get(abbreviated[:SHORTEST], ())
        return [sha for sha in held if sha.startswith(abbreviated)]
