"""The only reader of real time."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns the current time in milliseconds since the epoch, UTC."""


Stopwatch = Callable[[], float]
"""Returns seconds on a clock that never steps."""


def system_clock() -> int:
    """The machine's wall clock in milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


def stopwatch() -> float:
    """Seconds on a clock that never steps, for measuring durations."""
    return time.monotonic()


def in_seconds(milliseconds: int | None) -> float | None:
    """Milliseconds in the unit that Prometheus counts time in; None without any."""
    return None if milliseconds is None else milliseconds / 1000
