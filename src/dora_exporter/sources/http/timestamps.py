"""Moments as upstreams write them: RFC 3339, with or without a fraction, sometimes without a zone."""

from dora_exporter.dora.events import DAY_MS
from dora_exporter.runtime import timestamps

_EARLIEST_MS = 946_684_800_000  # the year 2000
_LONGEST_AHEAD_MS = DAY_MS


def moment(text: object, *, now_ms: int) -> int | None:
    """Milliseconds since the epoch; a moment without a zone is UTC.

    None for what is no moment, and for one that stands for "none": before the year 2000, or more than a day ahead.
    """
    ms = authored(text)
    return ms if ms is not None and ms <= now_ms + _LONGEST_AHEAD_MS else None


def authored(text: object) -> int | None:
    """The same for the moment of a commit: its author's clock may be ahead by any time, and that is counted."""
    if not isinstance(text, str):
        return None
    try:
        ms = round(timestamps.microseconds(text) / 1000)
    except ValueError:
        return None
    return ms if ms >= _EARLIEST_MS else None


def written(moment_ms: int) -> str:
    """A moment in UTC and to the second, as every upstream reads it."""
    return timestamps.iso(moment_ms // 1000 * 1000)
