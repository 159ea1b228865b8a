"""Waiting for what must come soon."""

from collections.abc import Callable
from time import sleep
from typing import TypeVar

from dora_exporter.runtime.clock import stopwatch

Found = TypeVar("Found")
_BETWEEN_SECONDS = 0.02
_LONGEST_COUNTED_SECONDS = 0.2
"""A look that takes longer tells of a machine that is busy or stands still, and counts as one that took this long."""


def until(
    look: Callable[[], Found | None], *, seconds: float = 30.0, otherwise: Callable[[], object] = lambda: ""
) -> Found:
    """Looks again and again until it finds something that is neither None nor False; else says what there is."""
    found, _ = timed(look, seconds=seconds, otherwise=otherwise)
    return found


def timed(
    look: Callable[[], Found | None], *, seconds: float = 30.0, otherwise: Callable[[], object] = lambda: ""
) -> tuple[Found, float]:
    """The same, and after how many seconds, without those in which the machine stood still."""
    waited = 0.0
    began = stopwatch()
    while not (found := look()):
        assert waited < seconds, f"did not come in {seconds} s: {otherwise()}"
        sleep(_BETWEEN_SECONDS)
        waited, began = waited + min(stopwatch() - began, _LONGEST_COUNTED_SECONDS), stopwatch()
    return found, waited + min(stopwatch() - began, _LONGEST_COUNTED_SECONDS)
