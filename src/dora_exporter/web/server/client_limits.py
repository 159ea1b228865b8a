"""Bounds what clients may hold together: connections, and bytes of heads, bodies and answers."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from itertools import chain
from typing import Protocol

HEAD_SECONDS = 10.0
"""The time limit for a request head: of the first from the connection on, of a later one from its first byte on."""

ANSWER_SECONDS = 30.0
"""The time for which a client may stop reading a response."""

CHECK_SECONDS = 1.0
_HEADS_BYTES = 8 << 20
_ANSWERS_BYTES = 32 << 20


class Evictable(Protocol):
    """A holder of bytes that can be dropped."""

    def evict(self) -> None:
        """Releases its bytes soon."""
        ...


class ByteLimit:
    """Bounds the bytes held by all holders together: beyond the limit the oldest holders are evicted."""

    def __init__(self, most: int) -> None:
        """At most ``most`` bytes, unless one holder alone has more: that is bounded elsewhere."""
        self._most = most
        self._total = 0
        self._held: OrderedDict[Evictable, int] = OrderedDict()

    @property
    def total(self) -> int:
        """The number of bytes held."""
        return self._total

    def hold(self, holder: Evictable, count: int) -> None:
        """Sets how many bytes a holder has; evicts the oldest others while the total is above the limit."""
        self._total += count - self._held.get(holder, 0)
        self._held[holder] = count
        while self._total > self._most and len(self._held) > 1:
            oldest = next(each for each in self._held if each is not holder)
            self.release(oldest)
            oldest.evict()

    def release(self, holder: Evictable) -> None:
        """Releases the bytes of a holder."""
        self._total -= self._held.pop(holder, 0)


class LimitedConnection(Protocol):
    """A connection as the limit sees it."""

    @property
    def is_authenticated(self) -> bool:
        """Whether a request on it had a valid key or password."""
        ...

    def evict(self) -> None:
        """Closes it at once."""
        ...


class ConnectionLimit:
    """Bounds the open connections, so that a new client is always served.

    Beyond the limit it closes the oldest one without a complete request head, else the oldest that is idle, else the
    oldest that is busy, of those that are not authenticated.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        """``most`` returns the current limit: the limit of open files can be changed from outside."""
        self._most = most
        self._heads: OrderedDict[LimitedConnection, float] = OrderedDict()
        self._idle: OrderedDict[LimitedConnection, float] = OrderedDict()
        self._busy: OrderedDict[LimitedConnection, float] = OrderedDict()
        self._stalled: OrderedDict[LimitedConnection, float] = OrderedDict()
        self._head_bytes = ByteLimit(_HEADS_BYTES)
        self._answer_bytes = ByteLimit(_ANSWERS_BYTES)
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """The number of open connections."""
        return len(self._heads) + len(self._idle) + len(self._busy)

    def add(self, connection: LimitedConnection) -> None:
        """Adds a new connection, which has not sent a request head."""
        self._move(connection, self._heads)
        while len(self) > self._most() and connection in self._heads:
            self._make_room(connection)

    def head_incomplete(self, connection: LimitedConnection, head_bytes: int) -> None:
        """A part of a request head was received: ``head_bytes`` so far."""
        if connection not in self._heads:
            self._move(connection, self._heads)
        self._head_bytes.hold(connection, head_bytes)

    def request_started(self, connection: LimitedConnection, more_bytes: int) -> None:
        """A request is being handled; ``more_bytes`` of pipelined requests wait behind it."""
        self._head_bytes.release(connection)
        self._move(connection, self._busy)
        if more_bytes:
            self._head_bytes.hold(connection, more_bytes)

    def became_idle(self, connection: LimitedConnection) -> None:
        """All requests are answered."""
        if connection in self._busy:
            self._head_bytes.release(connection)
            self._move(connection, self._idle)

    def writing_stalled(self, connection: LimitedConnection, answer_bytes: int) -> None:
        """The client does not read the response at present; ``answer_bytes`` of it are buffered."""
        self._stalled[connection] = self._start_timer()
        self._answer_bytes.hold(connection, answer_bytes)

    def is_stalled(self, connection: LimitedConnection) -> bool:
        """Whether the client does not read at present."""
        return connection in self._stalled

    def writing_resumed(self, connection: LimitedConnection) -> None:
        """The client has read most of the response."""
        self._stalled.pop(connection, None)
        self._answer_bytes.release(connection)

    def remove(self, connection: LimitedConnection) -> None:
        """Forgets a closed connection."""
        self._discard(connection)
        self._head_bytes.release(connection)
        self.writing_resumed(connection)

    def _move(self, connection: LimitedConnection, kind: OrderedDict[LimitedConnection, float]) -> None:
        self._discard(connection)
        kind[connection] = self._start_timer()

    def _discard(self, connection: LimitedConnection) -> None:
        for kind in (self._heads, self._idle, self._busy):
            kind.pop(connection, None)

    def _make_room(self, newest: LimitedConnection) -> None:
        owing = (each for each in self._heads if each is not newest)
        idle, busy = ((each for each in kind if not each.is_authenticated) for kind in (self._idle, self._busy))
        gone = next(chain(owing, idle, busy, self._idle), newest)
        self._close(gone)

    def _close(self, connection: LimitedConnection) -> None:
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
