"""Waiting for what must come soon."""

from collections.abc import Callable
from time import sleep
from typing import TypeVar

from dora_exporter.runtime.clock import stopwatch

Found = TypeVar("Found")
_BETWEEN_SECONDS = 0.02
_LOOK_SECONDS = 0.2
"""A look that takes longer tells of a machine that is busy or stands still, which does not count."""
_STANDING_STILL_SECONDS = 10.0
"""So much at most does not count."""


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
    began = last = stopwatch()
    stood_still = 0.0
    while True:
        found = look()
        now = stopwatch()
        stood_still = min(stood_still + max(now - last - _LOOK_SECONDS, 0.0), _STANDING_STILL_SECONDS)
        waited, last = now - began - stood_still, now
        if found:
            return found, waited
        assert waited < seconds, f"did not come in {seconds} s: {otherwise()}"
        sleep(_BETWEEN_SECONDS)
