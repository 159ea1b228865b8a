"""An upstream's response: its outcome, when to retry, the error it explains."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import isfinite

import msgspec

from dora_exporter.runtime.json_flaws import FLAWS

LONGEST_WAIT_SECONDS = 900.0
_LONGEST_EXPLANATION = 300
_EPOCH_FROM_SECONDS = 1e8


@dataclass(frozen=True)
class Answer:
    """An answer with its whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def outcome(self) -> str:
        """The outcome of the request: ``success``, ``throttled``, ``server_error`` or ``refused``."""
        if self.status < HTTPStatus.MULTIPLE_CHOICES or self.is_unchanged:
            return "success"
        if self.status == HTTPStatus.TOO_MANY_REQUESTS or self._is_githubs_limit:
            return "throttled"
        if self.status == HTTPStatus.REQUEST_TIMEOUT or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return "server_error"
        return "refused"

    @property
    def is_unchanged(self) -> bool:
        """Whether the resource still has the ETag that was asked with."""
        return self.status == HTTPStatus.NOT_MODIFIED

    @property
    def _is_githubs_limit(self) -> bool:
        """GitHub says 403 where others say 429."""
        return self.status == HTTPStatus.FORBIDDEN and (self.rate("remaining") == 0 or "Retry-After" in self.headers)

    def rate(self, name: str) -> float | None:
        """A number about the rate limit: PagerDuty says ``ratelimit-...``, others say ``x-ratelimit-...``."""
        return _number(self.headers.get(f"RateLimit-{name}") or self.headers.get(f"X-RateLimit-{name}"))

    def asked_wait(self, now_ms: int) -> float | None:
        """The seconds to wait, bounded; None without a usable hint."""
        now = now_ms / 1000
        hints = [self.rate("reset"), _retry_after(self.headers.get("Retry-After"), now)]
        if self.rate("remaining"):  # another limit than the one that is reset: GitHub calls it secondary
            hints.reverse()
        for hint in hints:
            if hint is None:
                continue
            seconds = hint - now if hint >= _EPOCH_FROM_SECONDS else hint  # some say when, some say how long
            if isfinite(seconds) and seconds >= 0:
                return min(seconds, LONGEST_WAIT_SECONDS)
        return None

    def explanation(self) -> tuple[int | None, str]:
        """The number and the words of an error, as far as the body is of the shape that our upstreams send."""
        try:
            said = msgspec.json.decode(self.body)
        except FLAWS:
            return None, ""
        error = said.get("error", said) if isinstance(said, dict) else said
        if not isinstance(error, dict):
            return None, error[:_LONGEST_EXPLANATION] if isinstance(error, str) else ""
        code, words = error.get("code"), error.get("message") or error.get("errors") or ""
        return code if isinstance(code, int) else None, str(words)[:_LONGEST_EXPLANATION]


def _retry_after(value: str | None, now_seconds: float) -> float | None:
    """The seconds of a ``Retry-After``; of a date, the seconds until then."""
    seconds = _number(value)
    if value is None or seconds is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now_seconds


def _number(value: str | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None
