"""Receives what upstreams push: one endpoint for every source that is a ``Webhook``."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from aiohttp import web

from dora_exporter.dora.event_log import Unavailable
from dora_exporter.runtime.clock import Clock
from dora_exporter.sources.contract import (
    Check,
    Delivery,
    Misconfigured,
    Receipt,
    SourceContext,
    Unreadable,
)
from dora_exporter.sources.polling import RunningSource, RunningSources
from dora_exporter.sources.webhook_signatures import any_body
from dora_exporter.web.server import request_body
from dora_exporter.web.server.connections import mark_authenticated
from dora_exporter.web.server.empty_answer import EmptyAnswer
from dora_exporter.web.server.errors import BadRequest, Forbidden, NotFound, Refusal, as_json
from dora_exporter.web.webhooks.addresses import ALL, Address, addressees, webhook_of
from dora_exporter.web.webhooks.receipts import record

logger = logging.getLogger(__name__)

OPERATIONS = tuple(address.operation for address in ALL)
MayWrite = Callable[[web.Request], bool]
"""Whether a request brings a key or a password that lets it write events."""

_BODY_SECONDS = 30.0
_STRANGER = "no valid signature or key"
_LONG_BODY = 256 * 1024
"""A longer one is checked in a thread, because its digest takes milliseconds."""


def routes(
    *, sources: RunningSources, context: Callable[[], SourceContext], may_write: MayWrite, clock: Clock
) -> list[web.RouteDef]:
    """The paths. ``context`` is what an implied source is built with."""

    def route(address: Address) -> web.RouteDef:
        async def receive(request: web.Request) -> web.Response:
            delivery = Delivery(
                headers=request.headers,
                query=request.query,
                has_key=may_write(request),
                received_ms=clock(),
            )
            chosen = address.chosen_by(request)
            candidates = addressees(request, chosen, sources, context)
            return await Reception(request, chosen, delivery, sources).receive(candidates)

        return web.post(address.operation.path, receive)

    return [route(address) for address in ALL]


class Reception:
    """One delivery on its way from the socket to its source."""

    def __init__(self, request: web.Request, address: Address, delivery: Delivery, sources: RunningSources) -> None:
        """``delivery`` is the head of ``request``."""
        self._request = request
        self._address = address
        self._delivery = delivery
        self._sources = sources

    async def receive(self, candidates: Sequence[RunningSource]) -> web.Response:
        """Answers 2xx when the source has written what is said durably, or has no use for it."""
        if not candidates:
            raise (
                NotFound("no source of this name accepts webhook requests")
                if self._delivery.has_key
                else Forbidden(_STRANGER)
            )
        receipt = None
        try:
            senders, body = await self._authentic(candidates)
            if len(senders) == 1:
                receipt = await self._ingest(senders[0], body)
            else:
                logger.warning("webhook request does not say which source it is for path=%r", self._request.path)
        except (Refusal, Unavailable) as reason:
            for each in candidates:
                each.health.deliveries.refuse(self._delivery.received_ms, str(reason))
            raise
        if receipt is not None and receipt.refused:
            raise BadRequest(receipt.detail or "nothing of this is used")
        return as_json(EmptyAnswer(), status=self._address.operation.status)

    async def _authentic(self, candidates: Sequence[RunningSource]) -> tuple[Sequence[RunningSource], bytes]:
        """The source that a signature names, else those that the head has proved it to, and the unpacked body.

        A stranger's body is read only if there is something that can be a signature of it, and is never unpacked.
        """
        checks = [(each, check) for each in candidates if (check := await self._check(each)) is not None]
        proved = [each for each, check in checks if check is any_body]
        if not checks:
            raise Forbidden(_STRANGER)
        if self._address.ambiguous is not None and len(proved) > 1:
            raise BadRequest(self._address.ambiguous)
        limit = max(webhook_of(each).body_limit for each, _ in checks)
        sent = await self._read(limit, is_proved=bool(proved))
        signers = [each for each, check in checks if check is not any_body and await _passes(check, sent)]
        if not (signers or proved):
            raise Forbidden(_STRANGER)
        mark_authenticated(self._request)
        return signers[:1] or proved, await request_body.unpacked(self._request, sent, limit=limit)

    async def _check(self, running: RunningSource) -> Check | None:
        try:
            return await webhook_of(running).authenticate(self._delivery)
        except Misconfigured as reason:
            raise Unavailable(str(reason)) from None

    async def _read(self, limit: int, *, is_proved: bool) -> bytes:
        """The body as sent. One that cannot be read cannot be signed either."""
        try:
            return await request_body.read_as_sent(self._request, limit=limit, seconds=_BODY_SECONDS)
        except BadRequest:
            if is_proved:
                raise
            raise Forbidden(_STRANGER) from None

    async def _ingest(self, running: RunningSource, body: bytes) -> Receipt:
        sink = self._sources.sink(running)
        try:
            receipt = await webhook_of(running).ingest(self._delivery, body, sink)
        except Unreadable as reason:
            raise BadRequest(str(reason)) from None
        finally:
            await sink.abandon()
        record(receipt, running.health, sink, at_ms=self._delivery.received_ms)
        self._sources.keep(running)
        return receipt


async def _passes(check: Check, body: bytes) -> bool:
    return check(body) if len(body) < _LONG_BODY else await asyncio.to_thread(check, body)
