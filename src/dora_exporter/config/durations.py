"""Lengths of time as Prometheus writes them: ``90d``, ``12h``, ``1h30m``."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_LONGEST_MS = 1000 * _UNIT_MS["y"]
"""There is a date so long ago."""
_WHOLE = re.compile(r"(?:\d+(?:ms|[smhdwy]))+")
_PART = re.compile(r"(\d+)(ms|[smhdwy])")


@dataclass(frozen=True)
class Span:
    """A length of time with the text it was configured as, which is also how it is shown."""

    text: str
    ms: int


def parse(text: object) -> Span:
    """Reads a length of time; raises ValueError with what to write instead."""
    if isinstance(text, Span):
        return text
    if not isinstance(text, str) or not _WHOLE.fullmatch(text):
        raise ValueError("must be a duration such as 30s, 5m, 12h or 90d")
    length = sum(int(number) * _UNIT_MS[unit] for number, unit in _PART.findall(text))
    if not length:
        raise ValueError("must be greater than 0")
    if length > _LONGEST_MS:
        raise ValueError("must be at most 1000y")
    return Span(text, length)


def text_of(ms: int) -> str:
    """A length of time in the largest unit that gives a whole number: days at most."""
    unit = next(each for each in ("d", "h", "m", "s", "ms") if ms % _UNIT_MS[each] == 0)
    return f"{ms // _UNIT_MS[unit]}{unit}"


Duration = Annotated[
    Span,
    PlainValidator(parse),
    PlainSerializer(lambda span: span.text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _WHOLE.pattern}),
]
"""A ``Span`` as a settings field."""
