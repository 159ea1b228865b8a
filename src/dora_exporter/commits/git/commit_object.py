"""Parses commit objects: parents, author, time, message."""

import re

from dora_exporter.dora.commit_messages import parse_commit
from dora_exporter.dora.events import Commit

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_AUTHOR = re.compile(rb"^author (.*)$", re.MULTILINE)
_DATE = re.compile(rb"[ \t\r]*(\d{1,20})[ \t\r]*[+-]\d")
_YEAR_10000 = 253_402_300_800
"""In seconds since the epoch: no calendar here can show it."""
_ENCODING = re.compile(
    rb"^encoding (utf-?8|latin-?1|iso-?8859-\d{1,2}|(?:windows-|cp)125\d|koi8-[ru]|euc-(?:jp|kr)|shift_jis|gbk|gb2312"
    rb"|gb18030|big5)$",
    re.MULTILINE | re.IGNORECASE,
)
"""Those that people use: some of Python's codecs take a time that grows with the square of the text."""
_TARGET = re.compile(rb"object ([0-9a-f]{64}|[0-9a-f]{40})\n")
_PARENT = re.compile(rb"parent ([0-9a-f]{64}|[0-9a-f]{40})\n")


def is_sha(text: str) -> bool:
    """Whether a text is the full SHA of an object, in lower case: never an option, a name or a range."""
    return _SHA.fullmatch(text) is not None


def parents_of(raw: bytes) -> tuple[bytes, ...]:
    """The SHAs of a commit's parents, as bytes. Its object begins with the tree, and the parents follow."""
    parents = []
    found = _PARENT.match(raw, raw.find(b"\n") + 1)
    while found:
        parents.append(bytes.fromhex(found[1].decode("ascii")))
        found = _PARENT.match(raw, found.end())
    return tuple(parents)


def commit_of(sha: str, raw: bytes) -> Commit | None:
    """The stored fields of a commit; None when it has no readable author time."""
    header, _, message = raw.partition(b"\n\n")
    seconds = _authored_at(header)
    if seconds is None:
        return None
    return parse_commit(sha, seconds * 1000, _decoded(message, header))


def target_of(raw: bytes) -> bytes | None:
    """The SHA, as bytes, of the object that an annotated tag points to."""
    found = _TARGET.match(raw)
    return bytes.fromhex(found[1].decode("ascii")) if found else None


def author_of(raw: bytes) -> str:
    """Who wrote a commit, as ``Name <address>``."""
    header, _, _ = raw.partition(b"\n\n")
    author = _AUTHOR.search(header)
    return _decoded(author[1][: author[1].rfind(b">") + 1], header) if author else ""


def _authored_at(header: bytes) -> int | None:
    """When the author says a commit was written, in seconds since the epoch.

    Read as Git reads it: digits after the last ``>``, of a line with an address, before something that begins as a time
    zone. What the zone says changes nothing. None where Git would give no date, or one that is no date.
    """
    author = _AUTHOR.search(header)
    if author is None:
        return None
    line = author[1]
    opening = line.find(b"<")
    if opening < 0 or line.find(b">", opening) < 0:
        return None
    date = _DATE.match(line, line.rfind(b">") + 1)
    seconds = int(date[1]) if date else _YEAR_10000
    return seconds if seconds < _YEAR_10000 else None


def _decoded(message: bytes, header: bytes) -> str:
    named = _ENCODING.search(header)
    try:
        return message.decode(named[1].decode() if named else "utf-8", "replace")
    except (LookupError, UnicodeError):
        return message.decode("utf-8", "replace")
