"""What the statuses of a deployment on GitHub say together, in whatever order they are heard of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal

State = Literal["succeeded", "failed", "canceled"]


@dataclass(frozen=True)
class Times:
    """Moments of statuses, in milliseconds; None for a status that is not known.

    ``in_progress`` and ``success`` are the first ones, ``last_success`` and ``failure`` the last ones.
    """

    in_progress: int | None = None
    success: int | None = None
    last_success: int | None = None
    failure: int | None = None

    @classmethod
    def of(cls, state: str, at_ms: int) -> "Times":
        """What one status says; nothing for a state that decides nothing, such as ``inactive``."""
        if state == "success":
            return cls(success=at_ms, last_success=at_ms)
        if state in ("failure", "error"):
            return cls(failure=at_ms)
        return cls(in_progress=at_ms) if state == "in_progress" else cls()

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> "Times":
        """What is kept with an event."""
        return cls(**{each.name: facts.get(each.name) for each in fields(cls)})

    def facts(self) -> dict[str, int]:
        """What is kept with an event: the moments that are known."""
        return {each.name: moment for each in fields(self) if (moment := getattr(self, each.name)) is not None}

    def __or__(self, other: "Times") -> "Times":
        """What both say: the order does not matter, nor how often."""
        return Times(
            _either(min, self.in_progress, other.in_progress),
            _either(min, self.success, other.success),
            _either(max, self.last_success, other.last_success),
            _either(max, self.failure, other.failure),
        )

    @property
    def latest(self) -> int | None:
        """The last moment at which something happened that is known."""
        return max(self.facts().values(), default=None)

    def end(self) -> tuple[State, int] | None:
        """How the deployment ended, and when; None while it goes on.

        The last success or failure decides. A success that is repeated was at the first time.
        """
        failure, success = self.failure, self.last_success
        if success is None or self.success is None:
            return None if failure is None else ("failed", failure)
        if failure is None or self.success > failure:
            return "succeeded", self.success
        return ("succeeded", success) if success >= failure else ("failed", failure)


def _either(choose: Callable[[Iterable[int]], int], *moments: int | None) -> int | None:
    known = [each for each in moments if each is not None]
    return choose(known) if known else None
