"""``POST /api/v2/webhook``: PagerDuty's v3 webhooks, with the path and the headers that Datadog's users have."""

import hashlib
import hmac
import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus

from aiohttp import web

from dora_exporter.clock import Clock
from dora_exporter.log import Unavailable
from dora_exporter.polling import Running, RunningSources
from dora_exporter.sources.pagerduty import PagerDuty
from dora_exporter.sources.pagerduty_events import Event, event_of
from dora_exporter.sources.pagerduty_settings import PagerDutySettings
from dora_exporter.sources.source import Misconfigured, Surroundings, Unreadable
from dora_exporter.web import bodies
from dora_exporter.web.access import Right
from dora_exporter.web.answers import EmptyAnswer
from dora_exporter.web.errors import BadRequest, Forbidden, as_json
from dora_exporter.web.operations import Operation

logger = logging.getLogger(__name__)

PATH = "/api/v2/webhook"
ENVIRONMENT_HEADER = "dd_env"
SIGNATURE_HEADER = "X-PagerDuty-Signature"
_IMPLIED_NAME = "pagerduty"
_LARGEST_BODY = 1024 * 1024
_BODY_SECONDS = 30.0

OPERATIONS = tuple(
    Operation(
        method="POST",
        path=path,
        summary="Take an event that PagerDuty sends as a v3 webhook",
        right=Right.WRITE,
        status=HTTPStatus.ACCEPTED,
        answer=EmptyAnswer,
        refusals=(400, 503),
    )
    for path in (PATH, f"{PATH}/")
)

MayWrite = Callable[[web.Request], bool]
"""Whether a request brings what it takes to write events."""


def routes(
    *, sources: RunningSources, surroundings: Callable[[], Surroundings], may_write: MayWrite, clock: Clock
) -> list[web.RouteDef]:
    """The two spellings of the path.

    403 makes PagerDuty drop the event, and after a few of them the subscription; 503 makes it try again. 400 is for
    whoever tries the path with something else; what PagerDuty sends is 202, whether we have a use for it or not.
    """

    async def receive(request: web.Request) -> web.Response:
        body = await bodies.read(request, limit=_LARGEST_BODY, seconds=_BODY_SECONDS)
        addressees = await _addressees(request, body)
        event = _event(body)
        if len(addressees) > 1:
            logger.warning("PagerDuty webhook names none of several sources path=%r", request.path)
            return as_json(EmptyAnswer(), status=HTTPStatus.ACCEPTED)
        running = addressees[0] if addressees else sources.implied(_IMPLIED_NAME, PagerDutySettings(), surroundings())
        landing = sources.landing(running)
        try:
            await _pagerduty(running).take(
                event, landing, dd_env=request.headers.get(ENVIRONMENT_HEADER), now_ms=clock()
            )
        finally:
            await landing.abandon()
        return as_json(EmptyAnswer(), status=HTTPStatus.ACCEPTED)

    async def _addressees(request: web.Request, body: bytes) -> list[Running]:
        """The source that the signature names, else those that ask for none: a valid key stands for these."""
        configured = sources.of_kind("pagerduty")
        unsigned: list[Running] = []
        for running in configured:
            secrets = await _secrets(running)
            if not secrets:
                unsigned.append(running)
            elif is_signed(body, request.headers.getall(SIGNATURE_HEADER, ()), secrets):
                return [running]
        if (configured and not unsigned) or not may_write(request):
            raise Forbidden("no valid signature or key")
        return unsigned

    return [web.post(operation.path, receive) for operation in OPERATIONS]


def _event(body: bytes) -> Event:
    try:
        return event_of(body)
    except Unreadable as reason:
        raise BadRequest(str(reason)) from None


async def _secrets(running: Running) -> tuple[str, ...]:
    try:
        return await _pagerduty(running).secrets()
    except Misconfigured as reason:
        raise Unavailable(str(reason)) from None


def _pagerduty(running: Running) -> PagerDuty:
    if not isinstance(running.source, PagerDuty):
        raise TypeError(f"the source {running.name} is no PagerDuty account")
    return running.source


def is_signed(body: bytes, headers: Iterable[str], secrets: Iterable[str]) -> bool:
    """Whether one of the signatures was made with one of the secrets: while they are rotated there are several."""
    presented = [each.strip().encode() for header in headers for each in header.split(",")]
    made = [b"v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode() for secret in secrets]
    return any(hmac.compare_digest(one, other) for one in presented for other in made)
