"""Waiting for what must come soon."""

from collections.abc import Callable
from time import sleep
from typing import TypeVar

from dora_exporter.runtime.clock import stopwatch

Found = TypeVar("Found")
_BETWEEN_SECONDS = 0.02


def until(
    look: Callable[[], Found | None], *, seconds: float = 30.0, otherwise: Callable[[], object] = lambda: ""
) -> Found:
    """Looks again and again until it finds something that is neither None nor False; else says what there is."""
    deadline = stopwatch() + seconds
    while not (found := look()):
        assert stopwatch() < deadline, f"did not come in {seconds} s: {otherwise()}"
        sleep(_BETWEEN_SECONDS)
    return found
