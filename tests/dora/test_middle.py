"""The middle of many values, against sorting them."""

import time
from array import array
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.dora.middle import middle, middle_in_steps

MANY = 40_000


def expected(values: list[int]) -> list[int]:
    return sorted(values)[(len(values) - 1) // 2 : len(values) // 2 + 1]


@given(st.lists(st.integers(-(2**62), 2**62), max_size=50))
def test_of_few_values_it_is_that_of_the_sorted_ones(values: list[int]) -> None:
    assert list(middle(array("q", values))) == expected(values)


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(4_000, MANY),
    distinct=st.sampled_from((1, 2, 3, 50, 10**9)),
    is_sorted=st.booleans(),
)
def test_of_many_values_it_is_that_of_the_sorted_ones(seed: int, count: int, distinct: int, *, is_sorted: bool) -> None:
    random = Random(seed)
    values = [random.randrange(distinct) for _ in range(count)]
    if is_sorted:
        values.sort()

    assert list(middle(array("q", values))) == expected(values)


def test_values_chosen_to_mislead_the_sample_cost_no_more_than_a_sort() -> None:
    values = [0 if number % (MANY // 1000) == 0 else number for number in range(MANY)]

    assert list(middle(values)) == expected(values)


@pytest.mark.parametrize("distinct", [2, 10**9])
def test_a_step_is_short(distinct: int) -> None:
    random = Random(1)
    steps = middle_in_steps(array("q", [random.randrange(distinct) for _ in range(500_000)]))
    longest, count, is_over = 0.0, 0, False

    while not is_over:
        began = time.thread_time()
        is_over = next(steps, steps) is steps
        longest, count = max(longest, time.thread_time() - began), count + 1

    assert count > 100
    assert longest < 0.025
