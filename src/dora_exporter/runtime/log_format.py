"""Formats log records as one line each, in logfmt or JSON."""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Literal

from dora_exporter.runtime.redaction import Value, redacted, redacted_fact

Level = Literal["debug", "info", "warn", "error"]

LEVELS: Mapping[Level, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
_FIELD = r"%[-+ #0]*\d*(?:\.\d+)?[a-zA-Z]"
_FACTS = re.compile(rf"(?:(?:^|\s)\w+={_FIELD})+$")
_FACT = re.compile(rf"(\w+)=({_FIELD})")
_PLAIN = re.compile(r"[^\s\"=\\]+")
_RESERVED = frozenset({"ts", "level", "logger", "msg", "exception"})


class LogfmtFormatter(logging.Formatter):
    """``key=value`` pairs, quoted where needed."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line without its end."""
        return " ".join(f"{name}={_quoted(value)}" for name, value in fields(record))


class JsonFormatter(logging.Formatter):
    """A JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line without its end."""
        return json.dumps(dict(fields(record)), allow_nan=False)


def fields(record: logging.LogRecord) -> Iterator[tuple[str, Value]]:
    """The fields of a record by name. Facts at the end of its message, written ``name=%s``, become fields."""
    moment = datetime.fromtimestamp(record.created, UTC)
    yield "ts", moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    yield "level", _level(record.levelno)
    yield "logger", record.name
    message, facts = _parted(record)
    yield "msg", redacted(message)
    for name, value in facts:
        yield f"{name}_" if name in _RESERVED else name, redacted_fact(name, value)
    if record.exc_info:
        yield "exception", redacted(logging.Formatter().formatException(record.exc_info))


def _parted(record: logging.LogRecord) -> tuple[str, list[tuple[str, Value]]]:
    """The message, and the facts at the end of its template. Values are never parsed: they may hold anything."""
    template, arguments = str(record.msg), record.args
    tail = _FACTS.search(template)
    if tail is None or not isinstance(arguments, tuple):
        return _whole(record), []
    facts = _FACT.findall(tail[0])
    count = len(arguments) - len(facts)
    try:
        message = template[: tail.start()] % arguments[:count]
        return message, [
            (name, _value(field, value)) for (name, field), value in zip(facts, arguments[count:], strict=True)
        ]
    except (TypeError, ValueError):
        return _whole(record), []


def _whole(record: logging.LogRecord) -> str:
    """The message as one text. A logging call with wrong arguments is a defect, but its line is still written."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return str(record.msg)


def _value(field: str, value: object) -> Value:
    """Numbers stay numbers, as far as JSON has them."""
    if value is None or isinstance(value, bool | int):
        return value
    shown = str(value) if field[-1] in "sr" else str(field % value)
    return float(shown) if isinstance(value, float) and isfinite(value) else shown


def _level(number: int) -> str:
    reached = [name for name, least in LEVELS.items() if number >= least]
    return reached[-1] if reached else "debug"


def _quoted(value: Value) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text.isprintable() else _escaped(text)


def _escaped(text: str) -> str:
    """The text in quotes, with line breaks and terminal control characters escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in quoted)
