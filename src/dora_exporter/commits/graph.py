"""The graph of a repository's commits, and exact differences of what is reachable in it."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

_ABSENT_LEVEL = 0
_UNKNOWN_LEVEL = -1


class Reached(NamedTuple):
    """A commit with the number of parents that it was made with, absent ones included."""

    sha: str
    parents: int


@dataclass(frozen=True)
class Difference:
    """What one commit reaches and others do not: commits, children before parents.

    ``absent`` is how many further ones are known of only because they are parents of those.
    """

    commits: tuple[Reached, ...]
    absent: int


class Graph:
    """Commits and their parents. A parent that is not here is a commit without a known past.

    Each commit has a level above those of all its parents. A walk from high levels to low ones meets a commit only
    after all its descendants, so what it says of a commit is final: Git's own walk goes by dates, which may lie.
    """

    def __init__(self) -> None:
        """A graph without commits."""
        self._numbers: dict[bytes, int] = {}
        self._names: list[bytes] = []
        self._parents: list[tuple[int, ...] | None] = []
        self._levels = array("i")
        self._present = 0

    def __len__(self) -> int:
        """How many commits are here."""
        return self._present

    def __contains__(self, sha: str) -> bool:
        """Whether a commit is here."""
        number = self._numbers.get(bytes.fromhex(sha))
        return number is not None and self._parents[number] is not None

    def add(self, commits: Iterable[tuple[bytes, tuple[bytes, ...]]]) -> bool:
        """Adds commits with their parents in any order; says whether one of them was missing in the past of another.

        Names are the bytes of a SHA.
        """
        added: list[int] = []
        has_filled = False
        known = len(self._names)
        for name, parents in commits:
            number = self._number(name)
            if self._parents[number] is not None:
                continue
            has_filled |= number < known
            self._levels[number] = _UNKNOWN_LEVEL
            self._parents[number] = tuple([self._number(parent) for parent in parents])
            added.append(number)
        self._present += len(added)
        if has_filled:
            # What stood on an absent commit stood too low.
            added = [number for number, each in enumerate(self._parents) if each is not None]
            for number in added:
                self._levels[number] = _UNKNOWN_LEVEL
        for number in added:
            self._settle_level(number)
        return has_filled

    def difference(self, head: str, excluded: Iterable[str]) -> Difference:
        """What ``head`` reaches, itself included, and none of ``excluded`` does. ``head`` must be here.

        An excluded commit that is not here excludes itself alone.
        """
        walk = _Walk(self._levels)
        for sha in excluded:
            number = self._numbers.get(bytes.fromhex(sha))
            if number is not None:
                walk.start(number, is_excluded=True)
        start = self._numbers[bytes.fromhex(head)]
        walk.start(start, is_excluded=False)
        found = list(walk.run(self._parents))
        present = {number for number in found if self._parents[number] is not None}
        commits = [
            Reached(self._names[each].hex(), len(self._parents[each] or ())) for each in self._ordered(present, start)
        ]
        return Difference(tuple(commits), len(found) - len(present))

    def reaches(self, heads: Iterable[str], sha: str) -> bool:
        """Whether one of ``heads`` has a commit, which is here, among its ancestors or is it."""
        return not self.difference(sha, heads).commits

    def _ordered(self, members: set[int], start: int) -> Iterator[int]:
        """Commits as ``git log --topo-order`` lists them: children before parents, one line of history at a time."""
        waiting = dict.fromkeys(members, 0)
        for number in members:
            for parent in self._parents[number] or ():
                if parent in waiting:
                    waiting[parent] += 1
        ready = [start] if start in members else []
        while ready:
            number = ready.pop()
            yield number
            for parent in self._parents[number] or ():
                if parent in waiting:
                    waiting[parent] -= 1
                    if not waiting[parent]:
                        ready.append(parent)

    def _number(self, name: bytes) -> int:
        number = self._numbers.setdefault(name, len(self._names))
        if number == len(self._names):
            self._names.append(name)
            self._parents.append(None)
            self._levels.append(_ABSENT_LEVEL)
        return number

    def _settle_level(self, number: int) -> None:
        """Gives a commit its level, and its ancestors before it. Histories are too long for recursion."""
        levels, path = self._levels, [number]
        while path:
            parents = self._parents[path[-1]] or ()
            below = [parent for parent in parents if levels[parent] == _UNKNOWN_LEVEL]
            if below:
                path.extend(below)
                continue
            number = path.pop()
            levels[number] = 1 + max((levels[parent] for parent in parents), default=_ABSENT_LEVEL)


class _Walk:
    """A walk from commits into their past, from high levels to low ones, until all that is left is excluded."""

    def __init__(self, levels: "array[int]") -> None:
        self._levels = levels
        self._is_excluded: dict[int, bool] = {}
        self._queue: list[tuple[int, int]] = []
        self._wanted = 0

    def start(self, number: int, *, is_excluded: bool) -> None:
        self._meet(number, is_excluded=is_excluded)

    def run(self, parents: list[tuple[int, ...] | None]) -> Iterator[int]:
        while self._wanted:
            _, number = heappop(self._queue)
            is_excluded = self._is_excluded[number]
            if not is_excluded:
                self._wanted -= 1
                yield number
            for parent in parents[number] or ():
                self._meet(parent, is_excluded=is_excluded)

    def _meet(self, number: int, *, is_excluded: bool) -> None:
        known = self._is_excluded.get(number)
        if known is None:
            self._is_excluded[number] = is_excluded
            self._wanted += not is_excluded
            heappush(self._queue, (-self._levels[number], number))
        elif is_excluded and not known:
            self._is_excluded[number] = True
            self._wanted -= 1
