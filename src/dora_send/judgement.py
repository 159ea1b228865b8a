"""Decides on an answer of the daemon: return its JSON object, try again, or give up."""

from __future__ import annotations

import json
from email.message import Message
from email.utils import parsedate_to_datetime

from dora_send import moments
from dora_send.exits import NOT_ALLOWED, USAGE, WRONG_SERVER, Failed
from dora_send.http_access import Answer, Unreachable

TYPE_CHECKING = False  # as in typing, which takes long to load
if TYPE_CHECKING:
    from typing import Any

_GOOD = range(200, 300)
_REDIRECTION = range(300, 400)
_NOT_ALLOWED = (401, 403)
_NOT_FOUND = 404
_LATER = (408, 425, 429)
_SERVER_ERROR = 500
_CLOCK_IS_OFF_MS = 120_000


class NotFound(Failed):
    """The daemon has no event of an id."""

    def __init__(self) -> None:
        """The daemon has nothing to say but that."""
        super().__init__(WRONG_SERVER, "the server has no such event")


class Later(Unreachable):
    """The daemon asks for another attempt, after ``seconds``."""

    def __init__(self, reason: str, seconds: float) -> None:
        """``reason`` is for people."""
        super().__init__(reason)
        self.seconds = seconds


def judged(answer: Answer) -> dict[str, Any]:
    """The JSON object of a good answer; raises ``Later``, ``NotFound`` and ``Failed``."""
    body = _json(answer.body)
    if answer.status in _GOOD and isinstance(body.get("data"), (dict, list)):
        return body
    if answer.status in _LATER or answer.status >= _SERVER_ERROR:
        raise Later(f"the server answers {_words(answer.status, body)}", _retry_after(answer.headers))
    if answer.status in _NOT_ALLOWED:
        raise Failed(NOT_ALLOWED, f"the server does not allow it: {_words(answer.status, body)}")
    if "errors" not in body:
        raise Failed(WRONG_SERVER, _another(answer))
    if answer.status == _NOT_FOUND:
        raise NotFound
    raise Failed(USAGE, f"the server refuses it: {_words(answer.status, body)}{_clock(answer.headers)}")


def _another(answer: Answer) -> str:
    if answer.status in _REDIRECTION:
        return f"the server redirects to {answer.headers.get('Location', 'nowhere')}; give the final URL"
    return f"what answers {answer.status} there is not dora-exporter; is the URL right?"


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _words(status: int, body: dict[str, Any]) -> str:
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else ""
    detail = first.get("detail", "") if isinstance(first, dict) else first
    return f"{status} {detail}".strip()


def _retry_after(headers: Message) -> float:
    """Seconds; a date is not waited for."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _clock(headers: Message) -> str:
    """How far the clocks are apart, where that may be the reason."""
    try:
        server = parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except (TypeError, ValueError):
        return ""
    ahead = moments.now() - server * 1000
    if abs(ahead) < _CLOCK_IS_OFF_MS:
        return ""
    return (
        f" (this machine's clock is {abs(ahead) / 60_000:.0f} min {'ahead of' if ahead > 0 else 'behind'} the server's)"
    )
