"""Moments as any sender writes them: RFC 3339 in its wild forms, or numbers of seconds down to nanoseconds."""

import re

from dora_exporter.dora.events import DAY_MS
from dora_exporter.runtime import timestamps

_EARLIEST_MS = 946_684_800_000  # the year 2000
_LONGEST_AHEAD_MS = DAY_MS
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
_TEXT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ] ?(\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,12}))? ?(?:([Zz]|UTC|GMT)|([+-]\d\d):?(\d\d)?)?",
    re.ASCII,
)
_SECONDS_BELOW, _MS_BELOW, _US_BELOW, _NO_TIME = 1e11, 1e14, 1e17, 1e20


class NotATime(ValueError):
    """A value that is no moment, or one more than a day ahead."""


def moment(value: object, *, now_ms: int) -> int | None:
    """Milliseconds since the epoch, a moment without a zone taken for UTC; raises ``NotATime``.

    None for a moment before the year 2000: that is how senders write "not yet".
    """
    ms = _milliseconds(value)
    if ms > now_ms + _LONGEST_AHEAD_MS:
        raise NotATime("is more than a day ahead")
    return ms if ms >= _EARLIEST_MS else None


def _milliseconds(value: object) -> int:
    if isinstance(value, str):
        text = value.strip()
        return _of_number(float(text)) if _NUMBER.fullmatch(text) else _of_text(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _NO_TIME:
        raise NotATime("is not a time")
    return _of_number(value)


def _of_number(value: float) -> int:
    if value < _SECONDS_BELOW:
        return round(value * 1000)
    if value < _MS_BELOW:
        return round(value)
    return round(value / 1000) if value < _US_BELOW else round(value / 1_000_000)


def _of_text(text: str) -> int:
    found = _TEXT.fullmatch(text)
    if found is None:
        raise NotATime("is not a time")
    date, time, fraction, _, hours, minutes = found.groups()
    zone = f"{hours}:{minutes or '00'}" if hours else "+00:00"
    try:
        return round(timestamps.microseconds(f"{date}T{time}{_fraction(time, fraction)}{zone}") / 1000)
    except ValueError:
        raise NotATime("is not a time") from None


def _fraction(time: str, digits: str | None) -> str:
    return f".{digits[:6]:0<6}" if digits and time.count(":") > 1 else ""
