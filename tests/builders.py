"""Events with defaults, and a clock that a test turns by hand."""

import hashlib
from collections import deque
from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from dora_exporter.dora.events import DAY_MS, MINUTE_MS, Deployment, Incident

__all__ = ["DAY_MS", "HOUR_MS", "MINUTE_MS", "NOW_MS", "ManualClock", "deployment", "done", "fields", "incident"]

HOUR_MS = 60 * MINUTE_MS
ROLL_OUT_MS = 5 * MINUTE_MS
NOW_MS = 1_750_000_000_000
"""The moment at which a test takes place unless it says otherwise: 2025-06-15 15:06:40 UTC."""


def deployment(**changes: object) -> Deployment:
    """A deployment that took five minutes and finished a day ago, with what the test changes in it.

    One time given moves the other along. Without an id it gets one that follows from everything else, so equal
    arguments make equal deployments and different ones never collide.
    """
    default = Deployment("", "checkout", "production", NOW_MS - DAY_MS - ROLL_OUT_MS, NOW_MS - DAY_MS)
    changed = replace(default, **changes)
    if "finished_at" not in changes:
        changed = replace(changed, finished_at=changed.started_at + ROLL_OUT_MS)
    elif "started_at" not in changes:
        changed = replace(changed, started_at=changed.finished_at - ROLL_OUT_MS)
    return replace(changed, id=changed.id or _derived_id(changed))


def incident(**changes: object) -> Incident:
    """An open incident of one service that began half a day ago, with what the test changes in it; ids as above."""
    default = Incident("", ("checkout",), "production", NOW_MS - DAY_MS // 2)
    changed = replace(default, **changes)
    return replace(changed, id=changed.id or _derived_id(changed))


def fields(value: object) -> object:
    """A value with the fields in place of all events in it: these can be compared as events cannot."""
    if isinstance(value, msgspec.Struct):
        return type(value), {name: fields(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {key: fields(its) for key, its in value.items()}
    return list(map(fields, value)) if isinstance(value, list | tuple) else value


class ManualClock:
    """A ``Clock`` that stands still until it is told."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        """Starts at the given moment."""
        self.now_ms = now_ms

    def __call__(self) -> int:
        """The moment it is set to, in milliseconds since the epoch."""
        return self.now_ms

    def advance(self, ms: int) -> None:
        """Lets time pass, or steps back when it is negative."""
        self.now_ms += ms


def _derived_id(event: Deployment | Incident) -> str:
    return hashlib.sha256(repr(event).encode()).hexdigest()[:16]


def done(steps: Iterable[object]) -> None:
    """Does all of what is done step by step."""
    deque(steps, maxlen=0)
