"""``POST /api/v2/webhook``: PagerDuty's v3 webhooks, with the path and the headers that Datadog's users have."""

import hashlib
import hmac
import logging
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus

from aiohttp import web

from dora_exporter.dora.event_log import Unavailable
from dora_exporter.runtime.clock import Clock
from dora_exporter.sources.contract import Misconfigured, SourceContext, Unreadable
from dora_exporter.sources.pagerduty.settings import PagerDutySettings
from dora_exporter.sources.pagerduty.source import PagerDuty
from dora_exporter.sources.pagerduty.webhook_events import Event, event_of
from dora_exporter.sources.polling import RunningSource, RunningSources
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.security.api_keys import Right
from dora_exporter.web.server import request_body
from dora_exporter.web.server.empty_answer import EmptyAnswer
from dora_exporter.web.server.errors import BadRequest, Forbidden, as_json

logger = logging.getLogger(__name__)

PATH = "/api/v2/webhook"
ENVIRONMENT_HEADER = "dd_env"
SIGNATURE_HEADER = "X-PagerDuty-Signature"
_IMPLIED_NAME = "pagerduty"
_LARGEST_BODY = 1024 * 1024
_BODY_SECONDS = 30.0
_SIGNATURE = re.compile("v1=[0-9a-f]{64}")
_MOST_SIGNATURES = 10
_STRANGER = "no valid signature or key"

OPERATIONS = tuple(
    Operation(
        method="POST",
        path=path,
        summary="Receive a v3 webhook event from PagerDuty",
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
    *, sources: RunningSources, context: Callable[[], SourceContext], may_write: MayWrite, clock: Clock
) -> list[web.RouteDef]:
    """The two spellings of the path.

    403 makes PagerDuty drop the event, and after a few of them the subscription; 503 makes it try again. 400 is for
    whoever tries the path with something else; what PagerDuty sends is 202, whether we have a use for it or not.
    """

    async def receive(request: web.Request) -> web.Response:
        addressees, sent = await _addressees(request)
        body = await request_body.unpacked(request, sent, limit=_LARGEST_BODY)
        event, environment = _event(body), _environment(request)
        if len(addressees) > 1:
            logger.warning("PagerDuty webhook names none of several sources path=%r", request.path)
            return as_json(EmptyAnswer(), status=HTTPStatus.ACCEPTED)
        running = addressees[0] if addressees else sources.implied(_IMPLIED_NAME, PagerDutySettings(), context())
        sink = sources.sink(running)
        try:
            await _pagerduty(running).take(event, sink, dd_env=environment, now_ms=clock())
        finally:
            await sink.abandon()
        return as_json(EmptyAnswer(), status=HTTPStatus.ACCEPTED)

    async def _addressees(request: web.Request) -> tuple[list[RunningSource], bytes]:
        """The source that the signature names, else those that ask for none: a valid key stands for these.

        The body comes with them, as it was sent, which is what is signed: it is read only for who has a key, or
        something that can be a signature of it, and a stranger's is never unpacked.
        """
        signatures = _signatures(request)
        has_key = may_write(request)
        if not has_key and not signatures:
            raise Forbidden(_STRANGER)
        told = [(running, await _secrets(running)) for running in sources.of_kind("pagerduty")]
        signed = [each for each in told if each[1]]
        unsigned = [running for running, secrets in told if not secrets]
        is_trusted = has_key and (bool(unsigned) or not told)
        if not is_trusted and not (signatures and signed):
            raise Forbidden(_STRANGER)
        body = await _read(request, is_trusted=is_trusted)
        signers = [running for running, secrets in signed if is_signed(body, signatures, secrets)]
        if not signers and not is_trusted:
            raise Forbidden(_STRANGER)
        return signers[:1] or unsigned, body

    return [web.post(operation.path, receive) for operation in OPERATIONS]


def _event(body: bytes) -> Event:
    try:
        return event_of(body)
    except Unreadable as reason:
        raise BadRequest(str(reason)) from None


async def _secrets(running: RunningSource) -> tuple[str, ...]:
    try:
        return await _pagerduty(running).secrets()
    except Misconfigured as reason:
        raise Unavailable(str(reason)) from None


def _pagerduty(running: RunningSource) -> PagerDuty:
    if not isinstance(running.source, PagerDuty):
        raise TypeError(f"the source {running.name} is not of kind pagerduty")
    return running.source


async def _read(request: web.Request, *, is_trusted: bool) -> bytes:
    """The body. One that cannot be read cannot be signed either."""
    try:
        return await request_body.read_as_sent(request, limit=_LARGEST_BODY, seconds=_BODY_SECONDS)
    except BadRequest:
        if is_trusted:
            raise
        raise Forbidden(_STRANGER) from None


def _environment(request: web.Request) -> str | None:
    environment = request.headers.get(ENVIRONMENT_HEADER)
    if environment is not None and not environment.isascii() and not _is_utf_8(environment):
        raise BadRequest(f"the header {ENVIRONMENT_HEADER} must be UTF-8")
    return environment


def _is_utf_8(text: str) -> bool:
    """Whether a header's bytes were."""
    return not any("\udc80" <= each <= "\udcff" for each in text)


def _signatures(request: web.Request) -> list[bytes]:
    """What can be signatures; there are two at most while secrets are rotated."""
    headers = request.headers.getall(SIGNATURE_HEADER, ())
    presented = [each.strip() for header in headers for each in header.split(",")]
    return [each.encode() for each in presented if _SIGNATURE.fullmatch(each)][:_MOST_SIGNATURES]


def is_signed(body: bytes, signatures: Iterable[bytes], secrets: Iterable[str]) -> bool:
    """Whether one of the signatures was made with one of the secrets: while they are rotated there are several."""
    made = [b"v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode() for secret in secrets]
    return any(hmac.compare_digest(one, other) for one in signatures for other in made)
