"""Values with their moments, and their statistics over windows."""

from array import array
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import itemgetter

from dora_exporter.dora.sliding_window import EMPTY, FEW, PER_STEP, Window, places
from dora_exporter.dora.sorted_in_steps import (
    Steps,
    listed_in_steps,
    merged_in_steps,
    sorted_in_steps,
    without_in_steps,
)

_ONE_BY_ONE = 32
"""So many samples of a moment are put where they belong; to sort again costs less than to do so with more."""


@dataclass(slots=True)
class _Span:
    """The samples of one window, smallest first, and the range of the time order that they come from."""

    low: int
    high: int
    ordered: "array[int]"
    total: int
    """Exact, unlike a sum of floats, which would drift as samples come and go."""


_NO_SPANS: dict[int, _Span] = {}
"""Shared by all that nothing was read from, so it is never changed."""


class _Sorting:
    """Samples of a window on their way into order."""

    def __init__(self, low: int, high: int, values: "array[int]") -> None:
        self.bounds = low, high
        self._steps = self._sorting(values)

    def work(self) -> _Span | None:
        """Works for some milliseconds; returns the sorted values once all are sorted."""
        try:
            next(self._steps)
        except StopIteration as end:
            return _Span(*self.bounds, *end.value)
        return None

    def _sorting(self, values: "array[int]") -> "Steps[tuple[array[int], int]]":
        """The values in order, and their sum."""
        listed = yield from listed_in_steps(values)
        ordered = yield from sorted_in_steps(listed)
        held, total = array("q"), 0
        for start in range(0, len(ordered), PER_STEP):
            some = ordered[start : start + PER_STEP]
            held.fromlist(some)
            total += sum(some)
            yield
        return held, total


class Samples:
    """Values in milliseconds with their moments.

    The values of each window that was read are kept sorted, and updated as time passes and samples come and go, so that
    a median is an index, not a sort.
    """

    __slots__ = ("_spans", "_spans_to_be", "_times", "_values")

    def __init__(self) -> None:
        """No sample."""
        self._times = self._values = EMPTY
        self._spans = _NO_SPANS
        self._spans_to_be: _Sorting | None = None

    def absorbing(self, others: Iterable["Samples"]) -> Iterator[None]:
        """Adds the samples of others, a step at a time."""
        runs = [(yield from listed_in_steps(self))]
        for each in others:
            run = yield from listed_in_steps(each)
            runs.append(run)
        yield from self._put_all((yield from merged_in_steps(runs, key=itemgetter(0))))

    def releasing(self, others: Iterable["Samples"]) -> Iterator[None]:
        """Removes the samples of others that were absorbed, a step at a time."""
        yield from self._put_all((yield from without_in_steps(self, chain.from_iterable(others))))

    def _put_all(self, ordered: list[tuple[int, int]]) -> Iterator[None]:
        """Holds these samples instead, which are in order of time."""
        times, values = array("q"), array("q")
        for start in range(0, len(ordered), PER_STEP):
            some = ordered[start : start + PER_STEP]
            times.extend([moment for moment, _ in some])
            values.extend([value for _, value in some])
            yield
        self._times, self._values = times, values
        self._forget_order()

    def _forget_order(self) -> None:
        """Has the windows put in order again when they are read."""
        self._spans = _NO_SPANS
        self._spans_to_be = None

    def within(self, window: Window) -> "Samples":
        """A copy of those in a window, to read windows within it from."""
        low, high = self._bounds(window)
        copy = Samples()
        copy._times, copy._values = self._times[low:high], self._values[low:high]
        return copy

    def add(self, moment: int, value: int) -> None:
        """Adds a sample."""
        self._spans_to_be = None  # what is being sorted lacks this one
        if not self._times:
            self._times, self._values = array("q"), array("q")
        index = bisect_right(self._times, moment)
        self._times.insert(index, moment)
        self._values.insert(index, value)
        for span in self._spans.values():
            # At the border a sample counts as outside: the next read moves the window over it if it is inside.
            if index <= span.low:
                span.low += 1
                span.high += 1
            elif index < span.high:
                span.high += 1
                _put(span, value)

    def add_all(self, moment: int, values: Sequence[int]) -> None:
        """Adds samples of one moment."""
        if len(values) <= _ONE_BY_ONE:
            for value in values:
                self.add(moment, value)
            return
        if not self._times:
            self._times, self._values = array("q"), array("q")
        index = bisect_right(self._times, moment)
        self._times[index:index] = array("q", (moment,)) * len(values)
        self._values[index:index] = array("q", values)
        self._forget_order()

    def remove_all(self, moment: int, values: Sequence[int]) -> None:
        """Removes samples of one moment that were added. Raises LookupError for one that was not."""
        if len(values) <= _ONE_BY_ONE:
            for value in values:
                self.remove(moment, value)
            return
        low, high = bisect_left(self._times, moment), bisect_right(self._times, moment)
        held = self._values[low:high]
        kept = array("q", () if held == array("q", values) else _without(held, values))
        del self._times[low + len(kept) : high]
        self._values[low:high] = kept
        self._forget_order()

    def remove(self, moment: int, value: int) -> None:
        """Removes a sample that was added."""
        self._spans_to_be = None
        # Several samples may share a moment.
        index = self._values.index(value, bisect_left(self._times, moment))
        del self._times[index]
        del self._values[index]
        for span in self._spans.values():
            if index < span.low:
                span.low -= 1
                span.high -= 1
            elif index < span.high:
                span.high -= 1
                _remove(span, value)

    def count(self, window: Window) -> int:
        """The number of samples in the window."""
        times = self._times
        return bisect_right(times, window.end_ms) - bisect_right(times, window.start_ms) if times else 0

    def values_in(self, window: Window) -> "array[int]":
        """The values of those in the window, in order of time."""
        low, high = self._bounds(window)
        return self._values[low:high]

    def values_between(self, edges: Iterable[int]) -> "list[array[int]]":
        """The values of those after each of some moments, which are in order, and until the next."""
        values = self._values
        return [values[low:high] for low, high in pairwise(places(self._times, edges))]

    def first_in(self, window: Window) -> int | None:
        """The moment of the earliest sample in the window, which is the next to leave it."""
        index = bisect_right(self._times, window.start_ms)
        return self._times[index] if index < len(self._times) else None

    def statistics(self, window: Window) -> Iterator[tuple[str, float]]:
        """Mean, median and 90th percentile in seconds, each rounded once; empty without a sample.

        Quantiles interpolate linearly between order statistics, as numpy and ``quantile_over_time`` do.
        """
        if not self._times:
            return
        span = self._span(window)
        count = len(span.ordered)
        if count:
            yield "mean", span.total / (count * 1000)
            yield "median", _quantile(span.ordered, 1, 2)
            yield "p90", _quantile(span.ordered, 9, 10)

    def prepare(self, window: Window) -> bool:
        """Gets ready to be read for a window, some milliseconds a call; True when it is."""
        if len(self._times) <= FEW:
            return True
        low, high = self._bounds(window)
        if high - low <= FEW or self._can_follow(self._spans.get(window.length_ms), low, high):
            return True
        if self._spans_to_be is None or self._spans_to_be.bounds != (low, high):
            self._spans_to_be = _Sorting(low, high, self._values[low:high])
        span = self._spans_to_be.work()
        if span is not None:
            self._keep(window, span)
            self._spans_to_be = None
        return span is not None

    def _bounds(self, window: Window) -> tuple[int, int]:
        return bisect_right(self._times, window.start_ms), bisect_right(self._times, window.end_ms)

    def _can_follow(self, span: _Span | None, low: int, high: int) -> bool:
        """Whether to move a window costs less than to put its samples in order."""
        if span is None or low >= span.high or high <= span.low:
            return False
        return abs(low - span.low) + abs(high - span.high) <= FEW

    def _keep(self, window: Window, span: _Span) -> None:
        if self._spans is _NO_SPANS:
            self._spans = {}
        self._spans[window.length_ms] = span

    def _span(self, window: Window) -> _Span:
        """The samples of a window, moved to its present place; costs only what entered and left it."""
        low, high = self._bounds(window)
        span = self._spans.get(window.length_ms)
        if span is None or not self._can_follow(span, low, high):
            ordered = array("q", sorted(self._values[low:high]))
            span = _Span(low, high, ordered, sum(ordered))
            self._keep(window, span)
            return span
        for value in (*self._values[low : span.low], *self._values[span.high : high]):
            _put(span, value)
        for value in (*self._values[span.low : low], *self._values[high : span.high]):
            _remove(span, value)
        span.low, span.high = low, high
        return span

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The samples in order of time."""
        return zip(self._times, self._values, strict=True)

    def __len__(self) -> int:
        """The number of samples."""
        return len(self._times)


def _put(span: _Span, value: int) -> None:
    insort(span.ordered, value)
    span.total += value


def _remove(span: _Span, value: int) -> None:
    del span.ordered[bisect_left(span.ordered, value)]
    span.total -= value


def _without(held: Iterable[int], values: Iterable[int]) -> Iterator[int]:
    gone = Counter(values)
    for value in held:
        if gone[value]:
            gone[value] -= 1
        else:
            yield value
    if gone.total():
        raise LookupError("removed what was not held")


def median_seconds(ordered: Sequence[int]) -> float | None:
    """The median of milliseconds in order, in seconds; None without any."""
    return _quantile(ordered, 1, 2) if ordered else None


def _quantile(ordered: Sequence[int], numerator: int, denominator: int) -> float:
    """A quantile of milliseconds, in seconds. Integers keep it exact until the one division."""
    index, part = divmod(numerator * (len(ordered) - 1), denominator)
    below = ordered[index]
    above = ordered[index + 1] if part else below
    return (below * denominator + (above - below) * part) / (denominator * 1000)
