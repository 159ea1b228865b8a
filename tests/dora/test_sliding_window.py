"""Moments in order of time, and how many of them are in a window."""

import pytest

from dora_exporter.dora.sliding_window import Times, Window


def window(end_ms: int) -> Window:
    return Window("10ms", 10, end_ms)


def test_a_window_excludes_its_start_and_includes_its_end() -> None:
    times = Times()
    times.extend([10, 11, 20, 21])

    assert times.count(window(20)) == 2


def test_what_leaves_a_window_next_is_its_earliest_moment() -> None:
    times = Times()
    times.extend([3, 12, 15])

    assert times.first_in(window(20)) == 12


def test_what_is_not_held_cannot_be_released() -> None:
    times, other = Times(), Times()
    times.extend([1, 2])
    other.extend([2, 2])

    with pytest.raises(LookupError):
        list(times.releasing([other]))


@pytest.mark.parametrize("second", [[], [40, 30], [20, 15], [5, 1], [25, 5]])
def test_moments_that_are_added_later_join_those_before(second: list[int]) -> None:
    times = Times()
    times.extend([20, 10])
    times.extend(second)
    assert list(times) == sorted([10, 20, *second])
