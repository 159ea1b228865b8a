"""Refuses requests that come faster than the configuration allows."""

from collections.abc import Callable
from http import HTTPStatus
from math import ceil

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from dora_exporter.web.security.web_config import RateLimit
from dora_exporter.web.server.errors import Words, as_json


class Bucket:
    """A token bucket, full at first."""

    def __init__(self) -> None:
        """Counts the missing tokens, so that a changed limit applies at once."""
        self._missing = 0.0
        self._at = 0.0

    def admit(self, limit: RateLimit, now: float) -> bool:
        """Consumes a token; False when there is none. ``now`` is in seconds on a clock that never steps."""
        self._missing = max(0.0, self._missing - (now - self._at) / limit.interval_seconds)
        self._at = now
        if self._missing + 1 > limit.burst:
            return False
        self._missing += 1
        return True


def rate_limit(limit: Callable[[], RateLimit | None], *, stopwatch: Callable[[], float]) -> Middleware:
    """A middleware that answers 429 to all clients together beyond ``limit``; None is no limit."""
    bucket = Bucket()

    @web.middleware
    async def limit_rate(request: web.Request, handler: Handler) -> web.StreamResponse:
        current = limit()
        if current is not None and not bucket.admit(current, stopwatch()):
            return too_many_requests(current.interval_seconds)
        return await handler(request)

    return limit_rate


def too_many_requests(seconds: float) -> web.Response:
    """The 429 response, with the time to wait before a retry."""
    refusal = as_json(Words(["Too Many Requests"]), status=HTTPStatus.TOO_MANY_REQUESTS)
    refusal.headers[hdrs.RETRY_AFTER] = str(max(1, ceil(seconds)))
    return refusal
