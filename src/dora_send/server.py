"""Requests to the daemon, repeated until there is an answer or the time is over."""

from __future__ import annotations

import json
import random
import sys
import time
from urllib.request import Request

from dora_send import __version__, http_access, trust
from dora_send.exits import NOT_ALLOWED, NOT_DELIVERED, WRONG_SERVER, Failed, say
from dora_send.http_access import Unreachable, Untrusted
from dora_send.judgement import Later, judged
from dora_send.target import Target

TYPE_CHECKING = False  # as in typing, which takes long to load
if TYPE_CHECKING:
    from typing import Any

_ATTEMPT_SECONDS = 10.0
_ATTEMPTS_AT_LEAST = 3
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 8.0
_LAST_SECONDS = 0.05
_BARE_REFUSALS = ("Forbidden", "Unauthorized", "401", "403")


class Server:
    """The daemon. All requests together have the target's time, which begins now."""

    def __init__(self, target: Target) -> None:
        """Nothing is sent yet."""
        self._target = target
        self._opener = http_access.opener(trust.context(target.ca_file))
        self._deadline = time.monotonic() + target.seconds

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """The answer, a JSON object. Raises ``Failed``, and ``NotFound`` where the daemon has no such event."""
        try:
            return self._persistently(self._request(method, path, body))
        except Failed as failed:
            failed.args = (self._without_key(f"{failed}{self._advice(failed)}"),)
            raise

    def _persistently(self, request: Request) -> dict[str, Any]:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return self._once(request)
            except Unreachable as error:
                reason, asked = f"{self._target.url}: {error}", error.seconds if isinstance(error, Later) else 0.0
            left = self._left()
            if left < _LAST_SECONDS:
                raise Failed(NOT_DELIVERED, f"not delivered within {self._target.seconds:g} s: {reason}")
            if pause == _FIRST_PAUSE_SECONDS and sys.stderr.isatty():
                say(self._without_key(f"{reason}; trying for {left:.0f} s"))
            wait = max(pause * random.uniform(0.5, 1), asked)  # noqa: S311  # no secret
            time.sleep(min(wait, left / 2))  # so that there is a last attempt
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _once(self, request: Request) -> dict[str, Any]:
        longest = min(_ATTEMPT_SECONDS, self._target.seconds / _ATTEMPTS_AT_LEAST)
        try:
            return judged(http_access.answer(self._opener, request, max(_LAST_SECONDS, min(self._left(), longest))))
        except Untrusted as error:
            raise Failed(WRONG_SERVER, f"{self._target.url}: its certificate is not trusted: {error}") from None

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _request(self, method: str, path: str, body: object) -> Request:
        headers = {"Accept": "application/json", "User-Agent": f"dora-send/{__version__}"}
        if self._target.key:
            headers["DD-API-KEY"] = self._target.key
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode(errors="replace")
        if data is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self._target.url}{path}"
        return Request(url, data=data, headers=headers, method=method)  # noqa: S310  # no other scheme is accepted

    def _advice(self, failed: Failed) -> str:
        """What is missing where the daemon says no more than that it is forbidden."""
        is_bare = failed.code == NOT_ALLOWED and str(failed).endswith(_BARE_REFUSALS)
        return (
            "; no key was given: set DORA_SEND_API_KEY or give --api-key-file"
            if is_bare and not self._target.key
            else ""
        )

    def _without_key(self, text: str) -> str:
        """A server may repeat what it was told."""
        return text.replace(self._target.key, "***") if self._target.key else text
