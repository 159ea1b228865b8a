"""Sorting in steps gives what sorting at once gives, however many runs there are."""

from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.dora.sorted_in_steps import listed_in_steps, merged_in_steps, sorted_in_steps, without_in_steps

_Result = TypeVar("_Result")
numbers = st.lists(st.integers(0, 20))


def result_of(steps: Generator[None, None, _Result]) -> _Result:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: _Result = end.value
            return found


@given(st.lists(numbers.map(sorted), max_size=5))
def test_runs_are_merged(runs: list[list[int]]) -> None:
    merged = sorted(item for run in runs for item in run)
    assert result_of(merged_in_steps(runs)) == merged
    assert result_of(merged_in_steps([run[::-1] for run in runs], key=lambda item: -item)) == merged[::-1]


@pytest.mark.parametrize("length", [0, 1, 4096, 4097, 10_000])
def test_what_takes_several_steps_is_whole(length: int) -> None:
    items = [(number * 7919) % 10_007 for number in range(length)]
    assert result_of(sorted_in_steps(items)) == sorted(items)
    assert result_of(listed_in_steps(iter(items))) == items
    assert result_of(without_in_steps(items, items[::2])) == items[1::2]


def test_what_is_not_among_them_cannot_be_taken_away() -> None:
    assert result_of(without_in_steps([1, 2, 1, 1], [1, 1])) == [2, 1]
    with pytest.raises(LookupError, match="not held"):
        result_of(without_in_steps([1, 2], [1, 1]))
