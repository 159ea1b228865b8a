"""Finds SHAs by their abbreviations."""

from collections.abc import Collection, Iterable

SHORTEST = 7


class Abbreviations:
    """A set of SHAs, grouped by their first seven characters."""

    def __init__(self, shas: Iterable[str]) -> None:
        """Holds these SHAs."""
        self._by_beginning: dict[str, set[str]] = {}
        for sha in shas:
            self.add(sha)

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
