"""Keeps garbage collections short, however much a long-lived process holds."""

import gc
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

_THRESHOLDS = 700, 10, 2
"""By these a full search comes after about 20,000 more objects: it takes some ten milliseconds."""
_GROWTH_BLOCKS = 30_000
_OLDEST = 2


@contextmanager
def postponed_search() -> Iterator[None]:
    """Searches for no garbage while very much is made that stays, and exempts it.

    Each search would look through all of it: a list of a million events alone takes as long as fifty requests.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.enable()


class ShortSearches:
    """Exempts what outlives a full search from later ones, whenever the process holds more than ever before.

    What is exempt is still freed with the last reference to it, but not if it is part of a cycle. Connections are,
    so what merely comes and goes must not have everything exempted again and again.
    """

    def __init__(self) -> None:
        """Changes nothing before ``start``."""
        self._thresholds = gc.get_threshold()
        self._most_blocks = 0

    def start(self) -> None:
        """Exempts everything that is there, and searches from now on."""
        self._exempt()
        gc.collect()  # looks through nothing, and has the next full search follow from what comes after it
        self._thresholds = gc.get_threshold()
        gc.set_threshold(*_THRESHOLDS)
        gc.callbacks.append(self._after_search)
        gc.enable()

    def stop(self) -> None:
        """Searches as before ``start``."""
        if self._after_search in gc.callbacks:
            gc.callbacks.remove(self._after_search)
            gc.set_threshold(*self._thresholds)
        gc.enable()

    def _exempt(self) -> None:
        gc.freeze()
        self._most_blocks = sys.getallocatedblocks()

    def _after_search(self, phase: str, search: Mapping[str, int]) -> None:
        is_full = phase == "stop" and search["generation"] == _OLDEST
        if is_full and sys.getallocatedblocks() >= self._most_blocks + _GROWTH_BLOCKS:
            self._exempt()
