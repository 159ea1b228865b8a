"""Samples against a list that is sorted and cut anew at every look."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.dora.samples import Samples
from dora_exporter.dora.sliding_window import Window

moments = st.integers(0, 30)
lengths = st.sampled_from([5, 10])
writes = st.tuples(st.booleans(), moments, st.integers(0, 5))


def window(end_ms: int, length_ms: int = 10) -> Window:
    return Window("10ms", length_ms, end_ms)


def test_without_a_sample_there_is_no_statistic() -> None:
    samples = Samples()
    samples.add(5, 1000)

    assert list(samples.statistics(window(20))) == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3000], {"mean": 3.0, "median": 3.0, "p90": 3.0}),
        ([1000, 2000], {"mean": 1.5, "median": 1.5, "p90": 1.9}),
        ([1000, 2000, 4000], {"mean": 7 / 3, "median": 2.0, "p90": 3.6}),
        ([0, 0, 0, 10_000], {"mean": 2.5, "median": 0.0, "p90": 7.0}),
    ],
)
def test_statistics_are_in_seconds_and_interpolate_linearly(values: list[int], expected: dict[str, float]) -> None:
    samples = Samples()
    for value in values:
        samples.add(15, value)

    assert dict(samples.statistics(window(20))) == expected


@given(st.lists(st.tuples(writes, st.none() | st.tuples(moments, lengths))))
def test_samples_come_and_go_in_any_order_while_windows_move_both_ways(
    steps: list[tuple[tuple[bool, int, int], tuple[int, int] | None]],
) -> None:
    samples, held = Samples(), list[tuple[int, int]]()
    for (removes, moment, value), look in steps:
        if removes and (moment, value) in held:
            samples.remove(moment, value)
            held.remove((moment, value))
        else:
            samples.add(moment, value)
            held.append((moment, value))
        if look:
            shown = window(*look)
            inside = sorted(value for moment, value in held if shown.start_ms < moment <= shown.end_ms)
            found = dict(samples.statistics(shown))
            assert samples.count(shown) == len(inside)
            assert found.get("median") == (pytest.approx(statistics.median(inside) / 1000) if inside else None)
            assert found.get("mean") == (sum(inside) / (len(inside) * 1000) if inside else None)


@given(st.lists(st.tuples(moments, st.integers(0, 5))), st.lists(st.lists(st.tuples(moments, st.integers(0, 5)))))
def test_what_is_absorbed_is_read_with_the_rest_and_leaves_nothing_behind(
    own: list[tuple[int, int]], others: list[list[tuple[int, int]]]
) -> None:
    samples, absorbed = of(own), [of(each) for each in others]
    together = of([each for some in (own, *others) for each in some])
    alone = of(own)

    list(samples.absorbing(absorbed))
    assert read(samples) == read(together)

    list(samples.releasing(absorbed))
    assert read(samples) == read(alone)


MANY = 5_000


@pytest.mark.parametrize("number", [1, 40])
@pytest.mark.parametrize("is_absorbed", [False, True])
@pytest.mark.parametrize("moment", [1, MANY // 40 - 1])
def test_what_changes_while_a_window_is_put_in_order_counts(*, moment: int, number: int, is_absorbed: bool) -> None:
    samples, shown = of([(each // 40, each % 7) for each in range(MANY)]), window(MANY, MANY)
    old, new = [value for at, value in samples if at == moment][:number], [9_000_000] * number
    assert not samples.prepare(shown)
    if is_absorbed:
        list(samples.absorbing([of([(moment, each) for each in new])]))
        list(samples.releasing([of([(moment, each) for each in old])]))
    else:
        samples.add_all(moment, new)
        samples.remove_all(moment, old)
    while not samples.prepare(shown):
        pass
    assert len(samples) == MANY
    assert sum(value == new[0] for value in samples.values_in(shown)) == number
    assert dict(samples.statistics(shown)) == dict(of(list(samples)).statistics(shown))


def of(samples: list[tuple[int, int]]) -> Samples:
    held = Samples()
    for moment, value in samples:
        held.add(moment, value)
    return held


def read(samples: Samples) -> list[object]:
    return [sorted(samples), *(dict(samples.statistics(window(end))) for end in range(0, 40, 5))]
