"""Validates attribute values; each rule returns the value as it is stored or raises ``BadAttribute``."""

import re
from collections.abc import Sequence
from functools import lru_cache

from dora_exporter.dora import repository_names
from dora_exporter.dora.reserved import RESERVED
from dora_exporter.runtime import timestamps
from dora_exporter.web.server.errors import BadAttribute

LABEL_LENGTH = 200
TEXT_LENGTH = 1000
NAME_LENGTH = 4000
URL_LENGTH = 4000
MAX_TAGS = 100
MAX_SERVICES = 1000
MAX_COMMITS = 5000
MAX_REPOSITORIES = 20
LEAST_ID, LEAST_OWN_ID = 16, 1
"""How long an id is on Datadog's paths, and on our own: incidents have short ones in trackers."""

ID_PATTERN = f"[A-Za-z0-9_.:-]{{{LEAST_ID},128}}"
OWN_ID_PATTERN = f"[A-Za-z0-9_.:-]{{{LEAST_OWN_ID},128}}"

SHA_PATTERN = "[a-fA-F0-9]{40,128}"
FUTURE_MS = 10 * 60_000

_ID = re.compile(OWN_ID_PATTERN)
_SHA = re.compile(SHA_PATTERN)
UNIX_TIME = "Unix time in seconds, milliseconds or nanoseconds"
UNIX = f"a {UNIX_TIME}"

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_BEYOND_MICROSECONDS = re.compile(r"\.\d{6}\d*[1-9]")
"""Digits of a fraction that Python cuts off."""

EARLIEST_MS = 946_684_800_000
"""The year 2000: an earlier time is a field that was not set, and no event."""

_MILLISECONDS_FROM = 10**11
_MILLISECONDS_BELOW = 10**14
_NANOSECONDS_FROM = 10**17
_NANOSECONDS_BELOW = 253_402_300_799 * 10**9
"""The year 10000, which no calendar here can show."""


def milliseconds(value: int | str, name: str) -> int:
    """A time: an RFC 3339 date-time, or a Unix time in seconds, milliseconds or nanoseconds: its size says which."""
    if isinstance(value, str):
        return max(0, _microseconds(value, name, f"{UNIX}, or {timestamps.RFC_3339}") // 1000)
    if 0 <= value < _MILLISECONDS_FROM:
        return value * 1000
    if 0 <= value < _MILLISECONDS_BELOW:
        return value
    if _NANOSECONDS_FROM <= value < _NANOSECONDS_BELOW:
        return (value + 500_000) // 1_000_000
    problem = "must not be negative" if value < 0 else f"is not a {UNIX_TIME}"
    raise BadAttribute(name, problem)


def moment(value: str | None, name: str, *, round_up: bool = False) -> int | None:
    """An RFC 3339 date-time in milliseconds."""
    if value is None:
        return None
    since = _microseconds(value, name, timestamps.RFC_3339)
    if not round_up:
        return since // 1000
    return -((-since - bool(_BEYOND_MICROSECONDS.search(value))) // 1000)


def _microseconds(value: str, name: str, wanted: str) -> int:
    try:
        return timestamps.rfc_3339_microseconds(value)
    except ValueError as error:
        raise BadAttribute(name, f"must be {wanted}") from error


@lru_cache(maxsize=4096)
def label(value: str, name: str) -> str:
    """A text that becomes a label. Remembered, as those of repositories are: few texts are sent again and again."""
    required(value, name, LABEL_LENGTH)
    if value == RESERVED:
        raise BadAttribute(name, f'must not be "{RESERVED}", which is reserved for the series beyond the limit')
    return value


def optional_label(value: str | None, name: str) -> str | None:
    """A text that becomes a label; an empty one is absent."""
    return label(value, name) if value else None


def required(value: str, name: str, limit: int = TEXT_LENGTH) -> str:
    """A printable text that is not empty."""
    if not value:
        raise BadAttribute(name, "must not be empty")
    return _printable(value, name, limit)


def optional(value: str | None, name: str) -> str | None:
    """A printable text; an empty one is absent."""
    return _printable(value, name, TEXT_LENGTH) if value else None


def title(value: str | None, name: str) -> str | None:
    """A free text, which may have line breaks; an empty one is absent."""
    if not value:
        return None
    if len(value) > NAME_LENGTH:
        raise BadAttribute(name, f"must not be longer than {NAME_LENGTH} characters")
    return value


def identifier(value: str, name: str, *, least: int = LEAST_ID) -> str:
    """An id chosen by the sender, of so many characters at least."""
    if len(value) < least or not _ID.fullmatch(value):
        raise BadAttribute(name, f"must be {least} to 128 characters of A-Z a-z 0-9 - _ . :")
    return value


def sha(value: str, name: str) -> str:
    """A commit's SHA in lower case."""
    if not _SHA.fullmatch(value):
        raise BadAttribute(name, "must be 40 or more (at most 128) hexadecimal digits")
    return value.lower()


@lru_cache(maxsize=4096)
def repository(url: str, name: str) -> str:
    """A repository as ``host/path``."""
    required(url, name, URL_LENGTH)
    try:
        return repository_names.normalise(url)
    except ValueError as error:
        raise BadAttribute(name, str(error)) from error


def tags(given: Sequence[str] | None, name: str) -> tuple[str, ...]:
    """Tags as they are; an empty one is none."""
    if not given:
        return ()
    if len(given) > MAX_TAGS:
        raise BadAttribute(name, f"must not have more than {MAX_TAGS} tags")
    return tuple(_printable(tag, name, TEXT_LENGTH) for tag in given if tag)


def services(given: Sequence[str] | None, old: str | None) -> tuple[str, ...]:
    """The services of an incident, sorted and unique; ``old`` is the one of the oldest shape, which had no list."""
    if not given:
        return () if old is None else (label(old, "service"),)
    if len(given) > MAX_SERVICES:
        raise BadAttribute("services", f"must not have more than {MAX_SERVICES} services")
    return tuple(sorted({label(each, "services") for each in given}))


def _printable(value: str, name: str, limit: int) -> str:
    if len(value) > limit:
        raise BadAttribute(name, f"must not be longer than {limit} characters")
    if not value.isprintable() and _CONTROL.search(value):
        raise BadAttribute(name, "must not contain control characters")
    return value
