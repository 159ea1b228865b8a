"""Finds SHAs by how they are abbreviated."""

from collections.abc import Collection, Iterable

SHORTEST = 7


class Abbreviations:
    """A set of SHAs. All that have the first seven characters in common lie together."""

    def __init__(self, shas: Iterable[str]) -> None:
        """Holds the SHAs, each once."""
        self._by_beginning: dict[str, set[str]] = {}
        for sha in shas:
            self.add(sha)

    def add(self, sha: str) -> None:
        """Takes in a SHA."""
        self._by_beginning.setdefault(sha[:SHORTEST], set()).add(sha)

    def discard(self, sha: str) -> None:
        """Takes out a SHA."""
        held = self._by_beginning.get(sha[:SHORTEST], set())
        held.discard(sha)
        if not held:
            self._by_beginning.pop(sha[:SHORTEST], None)

    def find(self, abbreviated: str) -> Collection[str]:
        """All SHAs that begin so."""
        held = self._by_beginning.get(abbreviated[:SHORTEST], ())
        return [sha for sha in held if sha.startswith(abbreviated)]
