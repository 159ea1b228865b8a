"""Sorts much in steps of a few milliseconds: the event loop has other work."""

from bisect import bisect_right
from collections import deque
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

_Item = TypeVar("_Item", bound=Any)

_PER_STEP = 4096


def merged_in_steps(runs: Iterable[list[_Item]]) -> Generator[None, None, list[_Item]]:
    """What several sorted runs hold, in order."""
    waiting = deque(runs)
    while len(waiting) > 1:
        waiting.append((yield from _merged(waiting.popleft(), waiting.popleft())))
    return waiting[0] if waiting else []


def sorted_in_steps(items: list[_Item]) -> Generator[None, None, list[_Item]]:
    """Many items in order."""
    runs = []
    for start in range(0, len(items), _PER_STEP):
        runs.append(sorted(items[start : start + _PER_STEP]))
        yield
    return (yield from merged_in_steps(runs))


def _merged(one: list[_Item], other: list[_Item]) -> Generator[None, None, list[_Item]]:
    """What two sorted runs hold, in order; a sort is fast with so few runs."""
    merged: list[_Item] = []
    done = also_done = 0
    while done < len(one) and also_done < len(other):
        last = min(one[done : done + _PER_STEP][-1], other[also_done : also_done + _PER_STEP][-1])
        until, also_until = bisect_right(one, last, done), bisect_right(other, last, also_done)
        merged += sorted([*one[done:until], *other[also_done:also_until]])
        done, also_done = until, also_until
        yield
    return [*merged, *one[done:], *other[also_done:]]
