"""``POST /api/v1/events``: many events at once, one JSON object a line."""

import asyncio
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator

from aiohttp import web

from dora_exporter.dora.event_log import EventLog, Unavailable
from dora_exporter.dora.events import Event
from dora_exporter.dora.records import Batch
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.web.api.bulk.result import BulkAnswer, ResultCounts
from dora_exporter.web.api.bulk.writer import BulkWriter, PendingEvents
from dora_exporter.web.api.schema.decode import UnknownAttributes
from dora_exporter.web.api.schema.events import EventFactory, IsPending
from dora_exporter.web.api.schema.lines import parse_line
from dora_exporter.web.api.schema.requests import DeploymentLine, Line
from dora_exporter.web.openapi.operation import Operation, text_parameter
from dora_exporter.web.security.api_keys import Access, Right
from dora_exporter.web.server import request_body
from dora_exporter.web.server.errors import (
    FIRST_REFUSAL,
    REFUSALS,
    BadAttribute,
    BadRequest,
    NotNow,
    Refusal,
    as_json,
)
from dora_exporter.web.server.limits import CurrentRules
from dora_exporter.web.server.ndjson import lines
from dora_exporter.web.server.spooled_body import spooled_body

BULK = Operation(
    method="POST",
    path="/api/v1/events",
    summary="Store many events: newline-delimited JSON, gzip allowed",
    right=Right.WRITE,
    parameters=(
        text_parameter(
            "atomic", "`true` keeps all of them or none. Without it the valid lines are kept.", enum=["true", "false"]
        ),
    ),
    request=Line,
    is_lines=True,
    answer=BulkAnswer,
    refusals=(400, 503),
)
OPERATIONS = (BULK,)

_GROUP = 500
"""The number of lines that are read before other requests are served."""


def routes(
    *,
    store: EventStore,
    log: EventLog,
    clock: Clock,
    rules: CurrentRules,
    access: Access,
    unknown: UnknownAttributes,
) -> list[web.RouteDef]:
    """The route of bulk writes."""
    factory = EventFactory(store=store, clock=clock, rules=rules)
    bulk = _Bulk(log=log, rules=rules, factory=factory, unknown=unknown)
    return [web.post(BULK.path, access.writes(bulk.handle))]


class _Bulk:
    def __init__(
        self, *, log: EventLog, rules: CurrentRules, factory: EventFactory, unknown: UnknownAttributes
    ) -> None:
        self._log = log
        self._rules = rules
        self._factory = factory
        self._unknown = unknown

    async def handle(self, request: web.Request) -> web.Response:
        atomic = request.query.getall("atomic", ["false"])
        if len(atomic) != 1 or atomic[0] not in ("true", "false"):
            raise BadAttribute("atomic", "must be true or false")
        result = ResultCounts()
        store = self._store_all_or_none if atomic[0] == "true" else self._store_valid
        try:
            await store(request, result)
        except Refusal as refusal:
            result.abort(refusal)
        except Unavailable as reason:
            result.abort(NotNow(str(reason) or "the event log does not accept writes now"))
        request[REFUSALS], request[FIRST_REFUSAL] = result.refusals, result.first_refusal
        return as_json(result.answer(), status=result.status)

    async def _store_valid(self, request: web.Request, result: ResultCounts) -> None:
        """Stores each valid line, also those before the point where the body breaks."""
        rules = self._rules.now
        writer = BulkWriter(self._log, result)
        try:
            with request_body.incoming(request) as coming:
                pieces = request_body.pieces(request, coming, seconds=rules.piece_seconds)
                async for some in lines(pieces, limit=rules.max_body_bytes, hold=coming.hold):
                    for start in range(0, len(some), _GROUP):
                        writer.add(self._events(some[start : start + _GROUP], result, writer.is_pending))
                        await writer.drain()
        finally:
            await writer.flush()

    async def _store_all_or_none(self, request: web.Request, result: ResultCounts) -> None:
        """Receives the whole body before it reads the first line, and stores nothing unless every line is valid."""
        rules = self._rules.now
        with spooled_body(limit=rules.max_atomic_bytes) as spooled, request_body.incoming(request) as body:
            async for piece in request_body.pieces(request, body, seconds=rules.piece_seconds):
                await spooled.write(piece)
                body.hold(spooled.held)
            pending = PendingEvents()
            async for some in lines(spooled.pieces(), limit=rules.max_body_bytes):
                for start in range(0, len(some), _GROUP):
                    pending.add(self._events(some[start : start + _GROUP], result, pending.has))
                    await asyncio.sleep(0)
                if len(pending.events) > rules.max_atomic_events:
                    raise BadRequest(f"must not have more than {rules.max_atomic_events} events when atomic")
        if result.has_errors:
            raise BadRequest("nothing is stored: the request is atomic and a line is invalid")
        if pending.events:
            result.count(await self._log.append([Batch(tuple(pending.events))]))

    def _events(self, some: Iterable[bytes], result: ResultCounts, is_pending: IsPending) -> Iterator[Event]:
        """The events of the next lines; errors are counted, empty lines skipped."""
        for text in some:
            result.line += 1
            if not text.removeprefix(BOM_UTF8).strip():
                result.skip()
                continue
            try:
                line, unknown = parse_line(text)
                event = self._event(line, is_pending)
            except BadRequest as refusal:
                result.add_error(refusal)
            else:
                if unknown:
                    result.add_warnings(self._unknown.in_line(unknown))
                yield event

    def _event(self, line: Line, is_pending: IsPending) -> Event:
        if isinstance(line, DeploymentLine):
            return self._factory.deployment(line.attributes, is_pending)
        return self._factory.incident(line.attributes, is_pending)
