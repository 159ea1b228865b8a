"""Moments as text: ISO 8601, and the part of it that RFC 3339 allows."""

import re
from datetime import UTC, datetime, timedelta

RFC_3339 = "an RFC 3339 date-time such as 2026-01-31T12:00:00Z"
"""The error text for any other input."""

_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:)(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_UNIX_SECONDS = re.compile(r"\d{1,11}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MINUTE_US = 60_000_000
_DAY_US = 24 * 60 * _MINUTE_US


def iso(moment: int) -> str:
    """Milliseconds since the epoch as ISO 8601 in UTC, with a fraction only when there is one."""
    seconds, milliseconds = divmod(moment, 1000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{milliseconds:03}Z" if milliseconds else f"{text}Z"


def microseconds(text: str) -> int:
    """Microseconds since the epoch of an ISO 8601 moment; without a zone it is UTC, finer digits are cut off.

    Raises ``ValueError``.
    """
    read = datetime.fromisoformat(text.upper())
    return ((read if read.tzinfo else read.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def milliseconds(text: str) -> int:
    """Milliseconds since the epoch of what a person writes: RFC 3339, a day, or Unix seconds. Raises ``ValueError``."""
    if _UNIX_SECONDS.fullmatch(text):
        return int(text) * 1000
    try:
        return microseconds(text) // 1000
    except (ValueError, OverflowError):
        raise ValueError("is not a time such as 2026-01-31T12:00:00Z or 2026-01-31") from None


def rfc_3339_microseconds(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 date-time: date, time and zone. Raises ``ValueError``.

    Unix time has no leap seconds, so one is the beginning of the next minute.
    """
    parts = _RFC_3339.fullmatch(text)
    if parts is None:
        raise ValueError(f"must be {RFC_3339}")
    minute, second, fraction, zone = parts.groups(default="")
    if second == "60":
        return _after_leap_second(microseconds(f"{minute}00{zone}") + _MINUTE_US)
    return microseconds(f"{minute}{second}{fraction[:7]}{zone}")


def _after_leap_second(midnight: int) -> int:
    if midnight % _DAY_US:
        raise ValueError("a leap second can only be the last second of a day in UTC")
    return midnight
