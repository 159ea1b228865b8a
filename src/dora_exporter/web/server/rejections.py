"""Counts and logs the requests with events that are refused, by reason."""

import enum
from collections import Counter
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge

from dora_exporter.dora.event_log import Unavailable
from dora_exporter.web.server.errors import BadAttribute, BadRequest, Forbidden, NotNow, OnRefusal, TooLarge, TooLong
from dora_exporter.web.server.refusal_log import RefusalLog


class Rejection(enum.Enum):
    """Why an event was not taken."""

    MALFORMED = "malformed"  # it cannot be read
    INVALID = "invalid"  # an attribute has a wrong value
    TOO_LARGE = "too_large"
    FORBIDDEN = "forbidden"  # no key, or a wrong one
    UNAVAILABLE = "unavailable"  # it could not be made durable


Count = Callable[[Rejection, int], None]
"""Counts events that were refused for a reason."""

_EVENT_PATHS = frozenset(
    {
        "/api/v2/dora/deployment",
        "/api/v2/dora/failure",
        "/api/v2/dora/incident",
        "/api/v1/events",
        "/api/v2/webhook",
        "/api/v2/webhook/",
    }
)
_EVENT_PATHS_BELOW = "/webhooks/"
_REASONS: tuple[tuple[type[Exception], Rejection], ...] = (
    (BadAttribute, Rejection.INVALID),
    (TooLong, Rejection.TOO_LARGE),
    (BadRequest, Rejection.MALFORMED),
    (web.RequestPayloadError, Rejection.MALFORMED),
    (Forbidden, Rejection.FORBIDDEN),
    (TooLarge, Rejection.TOO_LARGE),
    (HTTPRequestEntityTooLarge, Rejection.TOO_LARGE),
    (NotNow, Rejection.UNAVAILABLE),
    (Unavailable, Rejection.UNAVAILABLE),
)


def reason_of(refusal: type[Exception]) -> Rejection | None:
    """The reason of a class of refusals; None for what refuses no event, such as a path that is not known."""
    return next((reason for kind, reason in _REASONS if issubclass(refusal, kind)), None)


def counting(count_events: Count) -> OnRefusal:
    """Counts and logs the refusals on paths that take events."""
    log = RefusalLog()

    def count(request: web.Request, refusals: Mapping[type[Exception], int], detail: str) -> None:
        if not _takes_events(request):
            return
        numbers: Counter[Rejection] = Counter()
        for refusal, number in refusals.items():
            reason = reason_of(refusal)
            if reason is not None:
                count_events(reason, number)
                numbers[reason] += number
        if numbers:
            first = next(iter(numbers)).value
            log.note(path=request.path, reason=first, detail=detail, sender=request.remote, events=numbers.total())

    return count


def _takes_events(request: web.Request) -> bool:
    return request.method == hdrs.METH_POST and (
        request.path in _EVENT_PATHS or request.path.startswith(_EVENT_PATHS_BELOW)
    )
