"""Detects the first failure of an outage and the success that ends it: each is logged once."""

from typing import NamedTuple


class Ended(NamedTuple):
    """An outage that is over: how many failures it had, and how long it lasted."""

    failures: int
    seconds: float


class Outage:
    """Whether something that is tried again and again works, or has failed since a moment."""

    def __init__(self) -> None:
        """Starts without an outage."""
        self.since_ms: int | None = None
        self.failures = 0

    def fail(self, now_ms: int) -> bool:
        """Notes a failure; whether it is the first, which begins the outage."""
        is_first = self.since_ms is None
        if is_first:
            self.since_ms = now_ms
        self.failures += 1
        return is_first

    def succeed(self, now_ms: int) -> Ended | None:
        """Notes a success; returns the outage that it ends, None when there was none."""
        if self.since_ms is None:
            return None
        ended = Ended(self.failures, (now_ms - self.since_ms) / 1000)
        self.since_ms, self.failures = None, 0
        return ended
