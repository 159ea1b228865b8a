"""Moments in order of time, with counts over windows."""

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from dora_exporter.dora.events import DAY_MS
from dora_exporter.dora.sorted_in_steps import merged_in_steps, without_in_steps

PER_STEP = 10_000
FEW = 1000
"""So many samples are put in order, or moved, at once."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time ``(end - length, end]``, in milliseconds; ``text`` is how it was configured."""

    text: str
    length_ms: int
    end_ms: int
    start_ms: int = field(init=False)
    """The last millisecond before it."""

    def __post_init__(self) -> None:
        """Computes the start, which is read most often."""
        object.__setattr__(self, "start_ms", self.end_ms - self.length_ms)

    @property
    def days(self) -> float:
        """Its length in days."""
        return self.length_ms / DAY_MS


EMPTY = array("q")
"""Shared by all that are empty, so it is never changed: most series have no incident, no failure, no lead time."""


class Times:
    """Moments in order of time, which can be removed again."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        """No moment."""
        # Eight bytes a moment, and nothing for the garbage collector to visit: there may be a million.
        self._times = EMPTY

    def extend(self, moments: Iterable[int]) -> None:
        """Adds many moments at once."""
        added = sorted(moments)
        if added and not self._times:
            self._times = array("q", added)
        elif added and self._times[-1] <= added[0]:  # the usual case: events come in order of time
            self._times.extend(added)
        elif added:
            self._times = array("q", sorted([*self._times, *added]))

    def absorbing(self, others: Iterable[Iterable[int]]) -> Iterator[None]:
        """Adds the moments of others, each in order, a step at a time."""
        runs = []
        for other in others:
            runs.append(list(other))
            yield
        added = yield from merged_in_steps(runs)
        if len(self._times) + len(added) <= FEW:
            self.extend(added)
        elif added:
            yield from self._put((yield from merged_in_steps([list(self._times), added])))

    def releasing(self, others: Iterable["Times"]) -> Iterator[None]:
        """Removes the moments of others that were absorbed, a step at a time."""
        yield from self._put((yield from without_in_steps(self, chain.from_iterable(others))))

    def _put(self, ordered: list[int]) -> Iterator[None]:
        """Holds these moments instead."""
        times = array("q", bytes(EMPTY.itemsize * len(ordered)))  # as long as it gets: one that grows holds more
        for start in range(0, len(ordered), PER_STEP):
            times[start : start + PER_STEP] = array("q", ordered[start : start + PER_STEP])
            yield
        self._times = times

    def within(self, _window: Window) -> "Times":
        """A copy to read windows within this one from; it has all moments, as whether there is any matters, too."""
        copy = Times()
        copy._times = self._times[:]
        return copy

    def add(self, moment: int) -> None:
        """Adds a moment."""
        if self._times:
            insort(self._times, moment)
        else:
            self._times = array("q", (moment,))

    def remove(self, moment: int) -> None:
        """Removes a moment that was added."""
        del self._times[bisect_left(self._times, moment)]

    def count(self, window: Window) -> int:
        """The number of moments in the window."""
        times = self._times
        return bisect_right(times, window.end_ms) - bisect_right(times, window.start_ms) if times else 0

    def counts_until(self, edges: Iterable[int]) -> list[int]:
        """The number of moments until each of some others, which are in order."""
        return places(self._times, edges)

    def first_in(self, window: Window) -> int | None:
        """The earliest moment in the window, which is the next to leave it."""
        index = bisect_right(self._times, window.start_ms)
        return self._times[index] if index < len(self._times) else None

    @property
    def first(self) -> int | None:
        """The earliest moment."""
        return self._times[0] if self._times else None

    @property
    def last(self) -> int | None:
        """The latest moment."""
        return self._times[-1] if self._times else None

    def __iter__(self) -> Iterator[int]:
        """The moments in order."""
        return iter(self._times)

    def __len__(self) -> int:
        """The number of moments."""
        return len(self._times)


def places(times: "array[int]", edges: Iterable[int]) -> list[int]:
    """The places after each of some moments, which are in order."""
    place = 0
    return [place := bisect_right(times, edge, place) for edge in edges]
