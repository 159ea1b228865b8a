"""Where events go and with which key: the options and variables that say so, checked before anything runs."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Mapping

from dora_send.exits import USAGE, Failed

_URL = re.compile(r"https?://(?:[\w.-]+|\[[\d:a-f.]+\])(?::[1-9]\d{0,4})?(?P<path>/[!-~]*)?", re.ASCII | re.IGNORECASE)
_WITH_USER = re.compile(r"[^/]*//[^/]*@")
_KEY = re.compile(r"[!-~]{1,1000}", re.ASCII)
_LONGEST_KEY_FILE = 10_000


class Target:
    """A server. ``url`` has no slash at its end, ``key`` is empty where none is given."""

    def __init__(self, url: str, *, key: str, ca_file: str | None, seconds: float) -> None:
        """``seconds`` is how long to try."""
        self.url = url
        self.key = key
        self.ca_file = ca_file
        self.seconds = seconds


def target(options: Namespace, environment: Mapping[str, str]) -> Target:
    """The server that is meant; raises ``Failed``."""
    url = options.url or environment.get("DORA_SEND_URL", "")
    if not url:
        raise Failed(USAGE, "which server? Set DORA_SEND_URL or give --url")
    key = _key_in(options.api_key_file) if options.api_key_file else environment.get("DORA_SEND_API_KEY", "").strip()
    if key and not _KEY.fullmatch(key):
        raise Failed(USAGE, "the key must be printable ASCII characters without blanks")
    if options.ca_file:
        from dora_send import trust

        trust.context(options.ca_file)
    return Target(_checked(url.strip()), key=key, ca_file=options.ca_file, seconds=options.timeout)


def _checked(url: str) -> str:
    """The URL; what is wrong with it is said without repeating it, for there may be a password in it."""
    if _WITH_USER.match(url):
        raise Failed(USAGE, "the server's URL must have no user or password; the key has its own variable")
    found = _URL.fullmatch(url)
    if not found:
        raise Failed(USAGE, "the server's URL must be like https://dora.example.com or http://127.0.0.1:3672")
    if re.search(r"[?#]", found["path"] or ""):
        raise Failed(USAGE, "the server's URL must end with its path")
    return url.rstrip("/")


def _key_in(file: str) -> str:
    try:
        with open(file, encoding="utf-8") as opened:
            key = opened.read(_LONGEST_KEY_FILE).strip()
    except OSError as error:
        raise Failed(USAGE, f"--api-key-file {file}: {error.strerror}") from None
    except ValueError:
        raise Failed(USAGE, f"--api-key-file {file}: is not UTF-8") from None
    if not key:
        raise Failed(USAGE, f"--api-key-file {file}: is empty")
    return key
