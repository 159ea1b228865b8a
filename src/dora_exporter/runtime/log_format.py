"""The daemon's log: one line per record, in logfmt or JSON."""

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from math import isfinite
from typing import Literal, TextIO

from typing_extensions import override

from dora_exporter.runtime.clock import stopwatch
from dora_exporter.runtime.log_lines import LineWriter, descriptor_of, keep_standard_descriptors
from dora_exporter.runtime.log_restraint import Restraint

Level = Literal["debug", "info", "warn", "error"]
Layout = Literal["logfmt", "json"]
Value = str | int | float | bool | None

_LEVELS: Mapping[Level, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
_FIELD = r"%[-+ #0]*\d*(?:\.\d+)?[a-zA-Z]"
_FACTS = re.compile(rf"(?:(?:^|\s)\w+={_FIELD})+$")
_FACT = re.compile(rf"(\w+)=({_FIELD})")
_USER_INFO = re.compile(r"(?<=://)[^/\s?#\"']*@")
_CREDENTIALS = re.compile(r"(authorization\W{1,4}\w+ +|\bbearer +)[\w.~+/=-]{8,}", re.IGNORECASE)
_TELLING = r"(?:api|app|application|read)[_-]?keys?|passw(?:or)?ds?|secrets?|tokens?"
_SECRET_NAME = re.compile(rf"\w*(?:{_TELLING})", re.IGNORECASE)
_NAMED_SECRET = re.compile(rf"({_TELLING})(=|['\"]: *)('[^']*'|\"[^\"]*\"|[^\s&,;'\"]+)", re.IGNORECASE)
_HIDDEN = "***"
_PLAIN = re.compile(r"[^\s\"=\\]+")
_RESERVED = frozenset({"ts", "level", "logger", "msg", "exception"})
_LONGEST_VALUE = 8192
_OF_REQUESTS = ("dora_exporter.web", "aiohttp", "asyncio")
FLUSH_SECONDS = 1.0


class Log:
    """The state of the process's log, which outlives ``set_up``: rate limit, writer thread, dropped lines."""

    def __init__(self) -> None:
        """Starts without a writer thread: the thread that logs writes the line."""
        self.restraint = Restraint(_OF_REQUESTS, stopwatch=stopwatch)
        self.writer: LineWriter | None = None
        self.lost = 0

    @property
    def full(self) -> int:
        """The number of lines dropped because the reader was too slow."""
        return self.lost + (self.writer.dropped if self.writer else 0)

    @property
    def repeated(self) -> int:
        """The number of lines suppressed by the rate limit on requests."""
        return self.restraint.held_back


LOG = Log()


@contextmanager
def off_the_loop(stream: TextIO | None = None) -> Iterator[None]:
    """Writes the log from a thread inside the block, to a stream, by default standard error.

    At the end the queued lines are flushed; a reader that does not read for a second loses them.
    """
    descriptor = descriptor_of(stream or sys.stderr)
    keep_standard_descriptors()
    if descriptor is None:
        yield
        return
    LOG.writer = LineWriter(descriptor)
    try:
        yield
    finally:
        if LOG.writer.close(FLUSH_SECONDS):  # else the next line would block on the reader
            LOG.lost, LOG.writer = LOG.full, None


def set_up(level: Level, layout: Layout, stream: TextIO | None = None) -> None:
    """Logs to a stream, by default standard error, at and above a level. A later call replaces an earlier one."""
    handler = _Handler(stream)
    handler.addFilter(LOG.restraint)
    handler.setFormatter(JsonFormatter() if layout == "json" else LogfmtFormatter())
    root = logging.getLogger()
    for earlier in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(max(_LEVELS[level], logging.WARNING))  # the routine lines of libraries are noise
    logging.getLogger("dora_exporter").setLevel(_LEVELS[level])
    logging.getLogger("aiohttp.access").setLevel(logging.CRITICAL)


class _Handler(logging.Handler):
    """The handler of this module; ``set_up`` recognises it by its class."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Writes a line or queues it for the writer. Never raises: logging must not fail a request."""
        line = self.format(record)
        if LOG.writer is not None:
            LOG.writer.write(line)
            return
        stream = self._stream or sys.stderr
        try:
            stream.write(f"{line}\n")
            stream.flush()
        except (AttributeError, OSError, ValueError):  # there is no stream, or its reader is gone
            LOG.lost += 1


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
        yield f"{name}_" if name in _RESERVED else name, _harmless(name, value)
    if record.exc_info:
        yield "exception", redacted(logging.Formatter().formatException(record.exc_info))


def redacted(text: str) -> str:
    """Redacts user info in URLs, credentials, and the values of keys, passwords, secrets and tokens.

    A very long text is cut to its beginning and its end.
    """
    text = _USER_INFO.sub(f"{_HIDDEN}@", text)
    text = _CREDENTIALS.sub(rf"\1{_HIDDEN}", text)
    return _shortened(_NAMED_SECRET.sub(rf"\1\2{_HIDDEN}", text))


def _shortened(text: str) -> str:
    half = _LONGEST_VALUE // 2
    return text if len(text) <= _LONGEST_VALUE else f"{text[:half]} ... {text[-half:]}"


def _harmless(name: str, value: Value) -> Value:
    if not isinstance(value, str):
        return value
    return _HIDDEN if _SECRET_NAME.fullmatch(name) else redacted(value)


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
    reached = [name for name, least in _LEVELS.items() if number >= least]
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
