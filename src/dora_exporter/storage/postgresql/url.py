"""The URL of the database, and its form without the password."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

SCHEMES = ("postgresql", "postgres")

ReadUrl = Callable[[], str]
"""Gives the URL to connect to, read again each time so that a password may change; raises OSError or ValueError."""


def check(url: str) -> str:
    """The URL, once it is one; raises ValueError, which repeats nothing of it."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in SCHEMES:
        raise ValueError("must be a URL such as postgresql://user@host:5432/database")
    return url


def place(url: str) -> str:
    """Host, port and database of a URL, for people: never its user's password."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2] or "localhost"
    return f"{hosts}/{parts.path.lstrip('/')}".rstrip("/")


def from_text(url: str) -> ReadUrl:
    """A URL that stays as it is."""
    return lambda: url


def from_file(path: Path) -> ReadUrl:
    """The URL in a file."""
    return lambda: check(path.read_text(encoding="utf-8-sig").strip())
