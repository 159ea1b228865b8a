"""Searches for garbage stay short while a process grows, and what only comes and goes is not exempt from them."""

import gc
from collections.abc import Iterator

import pytest

from dora_exporter.runtime.garbage_collection import ShortSearches, postponed_search

SEARCHED_AT_MOST = 60_000
"""So many objects are looked through in about 25 ms."""


class Cycle:
    """Only a search frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def searches() -> Iterator[ShortSearches]:
    found = ShortSearches()
    found.start()
    yield found
    found.stop()
    gc.unfreeze()


def cycles() -> int:
    return sum(isinstance(each, Cycle) for each in gc.get_objects())


def searched() -> int:
    return len(gc.get_objects())


@pytest.mark.usefixtures("searches")
def test_what_stays_is_not_searched_again() -> None:
    held: list[list[list[object]]] = []
    most = 0
    for _ in range(200):
        held.append([[] for _ in range(2_000)])
        most = max(most, searched())

    assert most <= SEARCHED_AT_MOST
    assert gc.get_freeze_count() > 300_000


@pytest.mark.usefixtures("searches")
def test_garbage_in_cycles_is_freed_while_the_process_grows() -> None:
    held: list[list[list[object]]] = []
    for _ in range(100):
        held.append([[] for _ in range(2_000)])
        for _ in range(100):
            Cycle()
    gc.collect()
    gc.unfreeze()

    assert cycles() == 0


@pytest.mark.usefixtures("searches")
def test_what_comes_and_goes_is_not_exempted_again_and_again() -> None:
    left = []
    for _ in range(8):
        some: list[object] = [Cycle() if number % 10 == 0 else [] for number in range(80_000)]
        some.clear()
        gc.collect()
        gc.collect()  # what the first one freed no longer counts
        left.append(gc.get_freeze_count())

    assert left[-4:] == left[-1:] * 4


def test_a_stop_restores_how_garbage_is_searched() -> None:
    before = gc.get_threshold(), [*gc.callbacks]
    searches = ShortSearches()
    searches.start()
    during = gc.get_threshold(), [*gc.callbacks]

    searches.stop()
    gc.unfreeze()

    assert during != before
    assert (gc.get_threshold(), gc.callbacks) == before
    assert gc.isenabled()


@pytest.mark.usefixtures("searches")
def test_what_is_made_while_searches_are_postponed_is_never_searched() -> None:
    before = searched()
    with postponed_search():
        made: list[list[int]] = [[number] for number in range(100_000)]
        assert searched() >= before + len(made)
    assert searched() < before + len(made)
    assert gc.isenabled()


def test_searches_that_are_off_stay_off() -> None:
    gc.disable()
    try:
        with postponed_search():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
