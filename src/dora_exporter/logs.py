"""The daemon's own log: one line per record, as logfmt or as JSON."""

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal, TextIO

Level = Literal["debug", "info", "warn", "error"]
Format = Literal["logfmt", "json"]
Fact = str | int | float | bool | None

_LEVELS: Mapping[Level, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}

_FACTS = re.compile(r"(?:(?:^|\s)[A-Za-z_][\w.]*=(?:%[-#0 +.\d]*[a-zA-Z]|[^\s%\"']*))+$")
_FACT = re.compile(r"([A-Za-z_][\w.]*)=(%[-#0 +.\d]*[a-zA-Z]|\S*)")
_PLACEHOLDER = re.compile(r"%(?!%)[-#0 +.\d]*[a-zA-Z]")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

_HIDDEN = "***"
_SECRETS = (
    (re.compile(r"(?<=://)[^\s/?#\"'\\]*@"), f"{_HIDDEN}@"),
    (re.compile(r"\b(bearer|basic)\s+(?!\*)[\w.~+/=-]{4,}", re.IGNORECASE), rf"\1 {_HIDDEN}"),
    (
        re.compile(
            r"\b([\w-]*(?:api|app|application|access|read|private)[_-]?keys?|[\w-]*(?:password|passwd|secret|token)s?)"
            r"(['\"]?\s*[=:]\s*)(?:'[^']*'|\"[^\"]*\"|[^\s&,;'\"}\])]+)",
            re.IGNORECASE,
        ),
        rf"\1\2{_HIDDEN}",
    ),
)


def set_up(level: Level, format: Format, stream: TextIO = sys.stderr) -> None:  # noqa: A002
    """Sends everything that is logged to ``stream``. May be called again, when the settings change."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Formatter(_WRITERS[format]))
    logging.basicConfig(level=_LEVELS[level], handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


def redacted(text: str) -> str:
    """The text without what looks like a secret: user info in URLs, credentials, values of keys and passwords."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text
