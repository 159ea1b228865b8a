"""Moments in milliseconds since 1970: the clock, and what people and servers write."""

from __future__ import annotations

import re
import time

_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-]\d\d:\d\d))", re.ASCII)
_NUMBER = re.compile(r"\d{1,20}(?:\.\d{1,9})?", re.ASCII)
_MILLISECONDS_FROM = 10**11
_MILLISECONDS_BELOW = 10**14
_NANOSECONDS_FROM = 10**17


def now() -> int:
    """The time of this machine."""
    return int(time.time() * 1000)


def parse(text: str) -> int:
    """A Unix time in seconds, milliseconds or nanoseconds, or an RFC 3339 date-time; raises ValueError."""
    if _NUMBER.fullmatch(text):
        return _unix(text)
    found = _RFC_3339.fullmatch(text)
    if not found:
        raise ValueError("must be a Unix time or an RFC 3339 date-time such as 2026-01-31T12:00:00Z")
    from datetime import datetime

    day, clock, fraction, _, offset = found.groups()
    microseconds = (fraction or "").ljust(6, "0")[:6]  # Python 3.9 reads no other length
    return round(datetime.fromisoformat(f"{day}T{clock}.{microseconds}{offset or '+00:00'}").timestamp() * 1000)


def text(moment: int) -> str:
    """A moment as an RFC 3339 date-time."""
    from datetime import datetime, timezone

    return datetime.fromtimestamp(moment / 1000, timezone.utc).isoformat(timespec="milliseconds")


def _unix(text: str) -> int:
    """Its size tells the unit, as it does for the server."""
    whole = int(text.partition(".")[0])
    if whole < _MILLISECONDS_FROM:
        return round(float(text) * 1000)
    if whole < _MILLISECONDS_BELOW:
        return whole
    if whole < _NANOSECONDS_FROM:
        raise ValueError("is not a Unix time in seconds, milliseconds or nanoseconds")
    return (whole + 500_000) // 1_000_000
