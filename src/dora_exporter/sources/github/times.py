"""Combines the statuses of a deployment on GitHub, in whatever order they arrive."""

from dataclasses import dataclass
from typing import Any, Literal

State = Literal["succeeded", "failed", "canceled"]

_SUCCESS, _FAILURE = "success", "failure"
_ENDS = {"success": _SUCCESS, "failure": _FAILURE, "error": _FAILURE}
_MOST_ENDS = 12
_IN_PROGRESS = "in_progress"
_KEPT = "ends"


@dataclass(frozen=True)
class Times:
    """Moments of statuses, in milliseconds.

    ``in_progress`` is the first of its kind, None when none is known. ``ends`` are the successes and failures in order;
    of the same second the success counts as the later one.
    """

    in_progress: int | None = None
    ends: tuple[tuple[int, str], ...] = ()

    @classmethod
    def of(cls, state: str, at_ms: int) -> "Times":
        """What one status says; nothing for a state that decides nothing, such as ``inactive``."""
        if state in _ENDS:
            return cls(ends=((at_ms, _ENDS[state]),))
        return cls(in_progress=at_ms) if state == _IN_PROGRESS else cls()

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> "Times":
        """What is kept with an event."""
        kept = (each.partition(":") for each in facts.get(_KEPT, "").split())
        return cls(facts.get(_IN_PROGRESS), tuple((int(seconds) * 1000, end) for seconds, _, end in kept))

    def facts(self) -> dict[str, int | str]:
        """What is kept with an event: only texts and numbers, which cost the garbage collector nothing."""
        ends = " ".join(f"{ms // 1000}:{end}" for ms, end in self.ends)
        return {
            **({} if self.in_progress is None else {_IN_PROGRESS: self.in_progress}),
            **({_KEPT: ends} if ends else {}),
        }

    def __or__(self, other: "Times") -> "Times":
        """What both say: the order does not matter, nor how often."""
        began = [each for each in (self.in_progress, other.in_progress) if each is not None]
        ends = sorted({*self.ends, *other.ends})[-_MOST_ENDS:]
        return Times(min(began, default=None), tuple(ends))

    @property
    def latest(self) -> int | None:
        """The last moment at which something happened that is known."""
        return max([ms for ms, _ in self.ends] + ([] if self.in_progress is None else [self.in_progress]), default=None)

    def end(self) -> tuple[State, int] | None:
        """How the deployment ended, and when; None while it goes on.

        The last success or failure decides. One that is repeated was at the first time.
        """
        if not self.ends:
            return None
        ended_ms, end = self.ends[-1]
        for ms, each in reversed(self.ends):
            if each != end:
                break
            ended_ms = ms
        return ("succeeded" if end == _SUCCESS else "failed"), ended_ms
