"""Connections, and how many there may be."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from itertools import chain
from typing import cast

import msgspec
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_request import BaseRequest

from dora_exporter.web.server.byte_limit import ByteLimit
from dora_exporter.web.server.errors import BadRequest, as_json, is_undecodable

HEAD_SECONDS = 10.0
"""The time limit for a request head: of the first from the connection on, of a later one from its first byte on."""

ANSWER_SECONDS = 30.0
"""The time for which a client may stop reading a response."""

CHECK_SECONDS = 1.0
_HEADS_BYTES = 8 << 20
_ANSWERS_BYTES = 32 << 20
_LONGEST_HEAD = 32 << 10
_MOST_WAITING = 32

Handle = Callable[[BaseRequest], Awaitable[web.StreamResponse]]


class _BrokenFraming(web.RequestPayloadError, web.PayloadAccessError):
    """A body that breaks off, as its reader sees it; the server itself ignores it."""


_CAUSED_BY_CLIENTS = (HttpProcessingError, web.RequestPayloadError, web.PayloadAccessError, ConnectionError)


class ConnectionLimit:
    """Bounds the open connections, so that a new client is always served.

    Beyond the limit it closes the oldest one without a complete request head, else the oldest that is idle, else the
    oldest that is busy, of those that are not authenticated.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        """``most`` returns the current limit: the limit of open files can be changed from outside."""
        self._most = most
        self._heads: OrderedDict[CountedConnection, float] = OrderedDict()
        self._idle: OrderedDict[CountedConnection, float] = OrderedDict()
        self._busy: OrderedDict[CountedConnection, float] = OrderedDict()
        self._stalled: OrderedDict[CountedConnection, float] = OrderedDict()
        self._head_bytes = ByteLimit(_HEADS_BYTES)
        self._answer_bytes = ByteLimit(_ANSWERS_BYTES)
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """The number of open connections."""
        return len(self._heads) + len(self._idle) + len(self._busy)

    def add(self, connection: "CountedConnection") -> None:
        """Adds a new connection, which has not sent a request head."""
        self._move(connection, self._heads)
        while len(self) > self._most() and connection in self._heads:
            self._make_room(connection)

    def head_incomplete(self, connection: "CountedConnection", head_bytes: int) -> None:
        """A part of a request head was received: ``head_bytes`` so far."""
        if connection not in self._heads:
            self._move(connection, self._heads)
        self._head_bytes.hold(connection, head_bytes)

    def request_started(self, connection: "CountedConnection", more_bytes: int) -> None:
        """A request is being handled; ``more_bytes`` of pipelined requests wait behind it."""
        self._release_head(connection)
        self._move(connection, self._busy)
        if more_bytes:
            self._head_bytes.hold(connection, more_bytes)

    def became_idle(self, connection: "CountedConnection") -> None:
        """All requests are answered."""
        if connection in self._busy:
            self._release_head(connection)
            self._move(connection, self._idle)

    def writing_stalled(self, connection: "CountedConnection", answer_bytes: int) -> None:
        """The client does not read the response at present; ``answer_bytes`` of it are buffered."""
        self._stalled[connection] = self._start_timer()
        self._answer_bytes.hold(connection, answer_bytes)

    def is_stalled(self, connection: "CountedConnection") -> bool:
        """Whether the client does not read at present."""
        return connection in self._stalled

    def writing_resumed(self, connection: "CountedConnection") -> None:
        """The client has read most of the response."""
        self._stalled.pop(connection, None)
        self._answer_bytes.release(connection)

    def remove(self, connection: "CountedConnection") -> None:
        """Forgets a closed connection."""
        self._discard(connection)
        self._head_bytes.release(connection)
        self.writing_resumed(connection)

    def _release_head(self, connection: "CountedConnection") -> None:
        if self._head_bytes.total:  # most heads come whole, and nothing is held of any
            self._head_bytes.release(connection)

    def _move(self, connection: "CountedConnection", kind: OrderedDict["CountedConnection", float]) -> None:
        self._discard(connection)
        kind[connection] = self._start_timer()

    def _discard(self, connection: "CountedConnection") -> None:
        for kind in (self._heads, self._idle, self._busy):
            kind.pop(connection, None)

    def _make_room(self, newest: "CountedConnection") -> None:
        owing = (each for each in self._heads if each is not newest)
        idle, busy = ((each for each in kind if not each.is_authenticated) for kind in (self._idle, self._busy))
        gone = next(chain(owing, idle, busy, self._idle), newest)
        self._close(gone)

    def _close(self, connection: "CountedConnection") -> None:
        self.remove(connection)
        connection.evict()

    def _start_timer(self) -> float:
        """The time now; starts the timer that closes slow connections, unless it runs."""
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._timer = loop.call_later(CHECK_SECONDS, self._close_slow)
        return loop.time()

    def _close_slow(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for kind, seconds in ((self._heads, HEAD_SECONDS), (self._stalled, ANSWER_SECONDS)):
            while kind and next(iter(kind.values())) < now - seconds:
                self._close(next(iter(kind)))
        if len(self) or self._stalled:
            self._start_timer()


class CountedConnection(web.RequestHandler):
    """Reports its state to the connection limit, and answers what is no HTTP in the words of any refusal."""

    __slots__ = ("_head_bytes", "_limit", "_wire", "is_authenticated")

    def __init__(self, limit: ConnectionLimit, manager: web.Server, **options: object) -> None:
        """``options`` are the server's."""
        super().__init__(manager, **options)  # type: ignore[arg-type]  # as web.Server itself passes them on
        self._limit = limit
        self._head_bytes = 0
        self._wire: asyncio.Transport | None = None
        self.is_authenticated = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Adds it to the connection limit."""
        super().connection_made(transport)
        self._wire = cast("asyncio.Transport", transport)  # uvloop's are none by class
        self._limit.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Removes it from the connection limit."""
        self._wire = None
        self._limit.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reports whether a request head is complete."""
        before, owes_head = self._request_count, self._owes_head
        super().data_received(data)
        self._end_broken_body()
        if self._request_count > before:
            self._head_bytes = 0
            self._limit.request_started(self, len(data) if len(self._messages) > 1 else 0)
            if len(self._messages) >= _MOST_WAITING:
                self.close()  # once the current request is answered: no browser pipelines that many
        elif owes_head and data and not self._force_close:
            self._head_bytes += len(data)
            self._limit.head_incomplete(self, self._head_bytes)
            if self._head_bytes > _LONGEST_HEAD:
                self._refuse_head()

    def pause_writing(self) -> None:
        """The client reads a response slowly."""
        super().pause_writing()
        if self.transport is not None:
            self._limit.writing_stalled(self, self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The client has read most of it."""
        super().resume_writing()
        self._limit.writing_resumed(self)

    def force_close(self) -> None:
        """Closes once all that was written is sent, within the time limit of any response."""
        super().force_close()
        if self._wire is not None and not self._limit.is_stalled(self):
            self._limit.writing_stalled(self, 0)

    def evict(self) -> None:
        """Closes at once, without sending what is buffered."""
        wire, self._wire = self._wire, None
        super().force_close()
        if wire is not None:
            wire.abort()

    async def _handle_request(
        self, request: BaseRequest, start_time: float | None, request_handler: Handle
    ) -> tuple[web.StreamResponse, bool]:
        try:
            return await super()._handle_request(request, start_time, request_handler)
        finally:
            if not self._messages and self.transport is not None:
                self._limit.became_idle(self)

    def log_exception(self, *args: object, **kw: object) -> None:
        """Logs defects of the server; a body that breaks off while it is thrown away is none."""
        if not isinstance(kw.get("exc_info"), _CAUSED_BY_CLIENTS):
            super().log_exception(*args, **kw)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no valid request; anything else is a defect of the server."""
        if not isinstance(exc, HttpProcessingError) and not is_undecodable(request, exc):
            return super().handle_error(request, status, exc, message)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of an answer has been sent")
        answer = as_json(BadRequest("the request is not valid HTTP").body(), status=400)
        answer.headers[hdrs.SERVER] = "dora-exporter"
        answer.force_close()
        return answer

    @property
    def _owes_head(self) -> bool:
        """Whether it handles no request, nor discards the rest of a body."""
        is_waiting = self._waiter is not None or self._request_count == 0
        return is_waiting and self._current_request is None and not self._messages

    def _end_broken_body(self) -> None:
        """Tells the reader of a body that breaks off in the middle: nothing more will come of it."""
        reading, last = self._current_request, self._messages[-1][0] if self._messages else None
        is_broken = isinstance(getattr(last, "exc", None), HttpProcessingError)
        if is_broken and reading is not None and not reading.content.is_eof():
            reading.content.set_exception(_BrokenFraming())

    def _refuse_head(self) -> None:
        body = msgspec.json.encode(BadRequest(f"the request's head is longer than {_LONGEST_HEAD} bytes").body())
        head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n"
        if self.transport is not None:
            self.transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self.force_close()


def mark_authenticated(request: web.Request) -> None:
    """Marks the connection of a request with a valid key or password: it is not closed for an unknown client's."""
    if isinstance(request.protocol, CountedConnection):
        request.protocol.is_authenticated = True
