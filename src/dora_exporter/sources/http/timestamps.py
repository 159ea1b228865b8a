"""Moments as upstreams write them: RFC 3339, with or without a fraction, sometimes without a zone."""

import re
from datetime import UTC, datetime

from dora_exporter.dora.events import DAY_MS

_EARLIEST_MS = 946_684_800_000  # the year 2000
_LONGEST_AHEAD_MS = DAY_MS
_FINER_THAN_MICROSECONDS = re.compile(r"(\.\d{6})\d+")


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
        read = datetime.fromisoformat(_FINER_THAN_MICROSECONDS.sub(r"\1", text))
        aware = read if read.tzinfo else read.replace(tzinfo=UTC)
        ms = round(aware.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return ms if ms >= _EARLIEST_MS else None


def written(moment_ms: int) -> str:
    """A moment in UTC and to the second, as every upstream reads it."""
    return datetime.fromtimestamp(moment_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
