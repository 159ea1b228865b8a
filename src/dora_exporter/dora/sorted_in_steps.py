"""Sorts, merges and copies long lists in steps of a few milliseconds, between which the event loop does other work."""

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

_Item = TypeVar("_Item", bound=Any)
_Result = TypeVar("_Result")
Steps = Generator[None, None, _Result]
"""Work of several steps, and its result."""

_PER_STEP = 4096


def batches(items: Sequence[_Item], size: int = _PER_STEP) -> Iterator[Sequence[_Item]]:
    """Many items some at a time, in order."""
    return (items[start : start + size] for start in range(0, len(items), size))


def merged_in_steps(runs: Iterable[list[_Item]], key: Callable[[_Item], Any] | None = None) -> Steps[list[_Item]]:
    """What several runs hold, which are sorted by a key, in order of that key."""
    waiting = deque(runs)
    while len(waiting) > 1:
        waiting.append((yield from _merged(waiting.popleft(), waiting.popleft(), key)))
    return waiting[0] if waiting else []


def sorted_in_steps(items: list[_Item]) -> Steps[list[_Item]]:
    """Many items in order."""
    runs = []
    for some in batches(items):
        runs.append(sorted(some))
        yield
    return (yield from merged_in_steps(runs))


def listed_in_steps(items: Iterable[_Item]) -> Steps[list[_Item]]:
    """A list of many items."""
    listed: list[_Item] = []
    rest = iter(items)
    while some := list(islice(rest, _PER_STEP)):
        listed += some
        yield
    return listed


def without_in_steps(items: Iterable[_Item], gone: Iterable[_Item]) -> Steps[list[_Item]]:
    """Many items in the same order without others. Raises LookupError for one of these that is not among them."""
    counts: Counter[_Item] = Counter()
    rest = iter(gone)
    while some := list(islice(rest, _PER_STEP)):
        counts.update(some)
        yield
    kept = []
    for number, item in enumerate(items):
        if counts.get(item):
            counts[item] -= 1
        else:
            kept.append(item)
        if number % _PER_STEP == 0:
            yield
    if any(counts.values()):
        raise LookupError("removed what was not held")
    return kept


def _merged(one: list[_Item], other: list[_Item], key: Callable[[_Item], Any] | None) -> Steps[list[_Item]]:
    """What two sorted runs hold, in order; a sort is fast with so few runs."""
    if one and other and (one[-1] < other[0] if key is None else key(one[-1]) < key(other[0])):
        return one + other  # as events come, mostly in order of time
    merged: list[_Item] = []
    done = also_done = 0
    while done < len(one) and also_done < len(other):
        ends = one[done : done + _PER_STEP][-1], other[also_done : also_done + _PER_STEP][-1]
        last = min(ends if key is None else map(key, ends))
        until, also_until = bisect_right(one, last, done, key=key), bisect_right(other, last, also_done, key=key)
        merged += sorted([*one[done:until], *other[also_done:also_until]], key=key)
        done, also_done = until, also_until
        yield
    return [*merged, *one[done:], *other[also_done:]]
