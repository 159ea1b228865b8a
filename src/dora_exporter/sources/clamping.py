"""Items that end before they begin, by what their upstream says: they last no time, and the sink counts them.

An incident keeps its beginning, which decides what it is attributed to. A deployment keeps its end, from which all that
it shipped is measured, unless the upstream need not know an end: then it keeps its beginning, too.
"""

from typing import TypeVar

from dora_exporter.sources.contract import Sink

_End = TypeVar("_End", int, int | None)


def clamped_end(event_id: str, started_at: int, finished_at: _End, sink: Sink) -> _End:
    """The end of an item that keeps its beginning; None is still open."""
    if finished_at is None or finished_at >= started_at:
        return finished_at
    sink.clamp(event_id)
    return started_at


def clamped_start(event_id: str, started_at: int, finished_at: int, sink: Sink) -> int:
    """The beginning of an item that keeps its end."""
    if started_at <= finished_at:
        return started_at
    sink.clamp(event_id)
    return finished_at
