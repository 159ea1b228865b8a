"""The graph of a repository's commits, and exact differences of what is reachable in it."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

_ABSENT = -1
_ABSENT_LEVEL = 0
_UNKNOWN_LEVEL = -1
_TAGS_OF_TAGS = 10


class ReachedCommit(NamedTuple):
    """A commit with the number of parents that it was made with, absent ones included."""

    sha: str
    parents: int


@dataclass(frozen=True)
class Difference:
    """What one commit reaches and others do not: commits, children before parents.

    ``absent`` is how many further ones are known of only because they are parents of those.
    """

    commits: tuple[ReachedCommit, ...]
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
        self._parents = array("i")  # of all commits, one after the other: no object for the garbage collector
        self._starts = array("q")
        self._counts = array("h")
        self._levels = array("i")
        self._present = 0
        self.repeated = 0
        """How often a commit came that was here, perhaps with folders that were not."""
        self.tags: dict[bytes, bytes] = {}
        """What annotated tags point to: the name of a tag stands for that of its commit."""

    def __len__(self) -> int:
        """How many commits and annotated tags are here."""
        return self._present + len(self.tags)

    def __contains__(self, sha: str) -> bool:
        """Whether a commit is here."""
        number = self._number_of(sha)
        return number is not None and self._is_present(number)

    def add(self, commits: Iterable[tuple[bytes, tuple[bytes, ...]]]) -> bool:
        """Adds commits with their parents in any order; says whether one of them was missing in the past of another.

        Names are the bytes of a SHA.
        """
        added: list[int] = []
        known = len(self._names)
        try:
            added.extend(self._placed(commits))
        finally:  # the commits before a failure need their levels
            has_filled = self._settle(added, known)
        return has_filled

    def difference(self, head: str, excluded: Iterable[str]) -> Difference:
        """What ``head`` reaches, itself included, and none of ``excluded`` does. ``head`` must be here.

        An excluded commit that is not here excludes itself alone.
        """
        walk = _Walk(self._levels)
        for sha in excluded:
            number = self._number_of(sha)
            if number is not None:
                walk.start(number, is_excluded=True)
        start = self._numbers[self._peeled(head)]
        walk.start(start, is_excluded=False)
        found = list(walk.run(self._parents_of))
        present = {number for number in found if self._is_present(number)}
        commits = [ReachedCommit(self._names[each].hex(), self._counts[each]) for each in self._ordered(present, start)]
        return Difference(tuple(commits), len(found) - len(present))

    def first_to_reach(self, heads: Sequence[str], wanted: Iterable[str]) -> dict[str, int]:
        """The place of the first head that reaches a wanted commit, by commit; those that none reaches are absent.

        One walk for all, down to the lowest level of what is wanted. Heads that are not here reach nothing.
        """
        known = ((sha, self._number_of(sha)) for sha in wanted)
        numbers = {sha: number for sha, number in known if number is not None and self._is_present(number)}
        lowest = min((self._levels[number] for number in numbers.values()), default=0)
        first: dict[int, int] = {}
        queue: list[tuple[int, int]] = []

        def meet(number: int, place: int) -> None:
            if number not in first and self._levels[number] >= lowest:
                heappush(queue, (-self._levels[number], number))
                first[number] = place
            elif place < first.get(number, 0):
                first[number] = place

        for place, sha in enumerate(heads if numbers else ()):
            number = self._number_of(sha)
            if number is not None:
                meet(number, place)
        while queue:
            number = heappop(queue)[1]
            for parent in self._parents_of(number):
                meet(parent, first[number])
        return {sha: first[number] for sha, number in numbers.items() if number in first}

    def _number_of(self, sha: str) -> int | None:
        return self._numbers.get(self._peeled(sha))

    def _peeled(self, sha: str) -> bytes:
        """What a name leads to: a tag may point to another one."""
        name = bytes.fromhex(sha)
        for _ in range(_TAGS_OF_TAGS):
            if name not in self.tags:
                break
            name = self.tags[name]
        return name

    def _ordered(self, members: set[int], start: int) -> Iterator[int]:
        """Commits as ``git log --topo-order`` lists them: children before parents, one line of history at a time."""
        waiting = dict.fromkeys(members, 0)
        for number in members:
            for parent in self._parents_of(number):
                if parent in waiting:
                    waiting[parent] += 1
        ready = [start] if start in members else []
        while ready:
            number = ready.pop()
            yield number
            for parent in self._parents_of(number):
                if parent in waiting:
                    waiting[parent] -= 1
                    if not waiting[parent]:
                        ready.append(parent)

    def _is_present(self, number: int) -> bool:
        return self._counts[number] != _ABSENT

    def _parents_of(self, number: int) -> "array[int]":
        start = self._starts[number]
        return self._parents[start : start + max(0, self._counts[number])]

    def _number(self, name: bytes) -> int:
        number = self._numbers.setdefault(name, len(self._names))
        if number == len(self._names):
            self._names.append(name)
            self._starts.append(0)
            self._counts.append(_ABSENT)
            self._levels.append(_ABSENT_LEVEL)
        return number

    def _placed(self, commits: Iterable[tuple[bytes, tuple[bytes, ...]]]) -> Iterator[int]:
        """Adds new commits; returns their numbers."""
        for name, parents in commits:
            number = self._number(name)
            if not self._is_present(number):
                self._starts[number] = len(self._parents)
                self._counts[number] = len(parents)
                self._parents.extend([self._number(parent) for parent in parents])
                self._present += 1
                yield number
            else:
                self.repeated += 1

    def _settle(self, added: list[int], known: int) -> bool:
        """Assigns levels to new commits; returns whether one of them was known before, as a parent of another.

        What stood on such a one stood too low, so then all get new levels.
        """
        has_filled = any(number < known for number in added)
        if has_filled:
            added = [number for number in range(len(self._names)) if self._is_present(number)]
        for number in added:
            self._levels[number] = _UNKNOWN_LEVEL
        for number in added:
            self._settle_level(number)
        return has_filled

    def _settle_level(self, number: int) -> None:
        """Assigns a level to a commit after its ancestors. Iterative: histories are too long for recursion."""
        levels, path = self._levels, [number]
        while path:
            parents = self._parents_of(path[-1])
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

    def run(self, parents_of: "Callable[[int], array[int]]") -> Iterator[int]:
        while self._wanted:
            _, number = heappop(self._queue)
            is_excluded = self._is_excluded[number]
            if not is_excluded:
                self._wanted -= 1
                yield number
            for parent in parents_of(number):
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
