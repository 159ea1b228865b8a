"""Finds the middle of many values a few milliseconds at a time, at a third of what it costs to sort them all."""

from collections.abc import Sequence

from dora_exporter.dora.sorted_in_steps import Steps, batches, sorted_in_steps

_PER_STEP = 4096
_SAMPLE = 1000
_MARGIN = 50
"""So far from the middle of a sample of a thousand that of all nearly never is."""


def middle_in_steps(values: Sequence[int]) -> Steps[Sequence[int]]:
    """The value in the middle, or the two, in order; their median is that of all. Empty without a value."""
    first, last = (len(values) - 1) // 2, len(values) // 2
    while len(values) > _PER_STEP:
        low, high = _around(values, first)
        fewer, between = yield from _parted(values, low, high)
        is_between = fewer <= first and last < fewer + len(between)
        if not is_between or len(between) > len(values) // 2:  # as with many equal values
            return (yield from sorted_in_steps(list(values)))[first : last + 1]
        first, last, values = first - fewer, last - fewer, between
    return sorted(values)[first : last + 1]


def middle(values: Sequence[int]) -> Sequence[int]:
    """The middle of the values, in one go."""
    steps = middle_in_steps(values)
    try:
        while True:
            next(steps)
    except StopIteration as end:
        found: Sequence[int] = end.value
        return found


def _around(values: Sequence[int], rank: int) -> tuple[int, int]:
    """Two values between which that of a rank probably lies."""
    sample = sorted(values[:: len(values) // _SAMPLE])
    place = rank * len(sample) // len(values)
    return sample[max(place - _MARGIN, 0)], sample[min(place + _MARGIN, len(sample) - 1)]


def _parted(values: Sequence[int], low: int, high: int) -> Steps[tuple[int, list[int]]]:
    """How many are below ``low``, and those from it to ``high``."""
    fewer, between = 0, []
    for some in batches(values, _PER_STEP):
        others = [each for each in some if each >= low]
        fewer += len(some) - len(others)
        between += [each for each in others if each <= high]
        yield
    return fewer, between
