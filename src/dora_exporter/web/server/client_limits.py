"""Bounds what clients may hold together: connections, and bytes of heads, bodies and answers."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from itertools import chain
from typing import Protocol

HEAD_SECONDS = 10.0
"""How long a connection may take to send the head of its first request, or of a later one that has begun."""

ANSWER_SECONDS = 30.0
"""How long a client may take no byte of an answer."""

LOOK_SECONDS = 1.0
_HEADS_BYTES = 8 << 20
_ANSWERS_BYTES = 32 << 20


class Holder(Protocol):
    """Whatever something is held for."""

    def give_up(self) -> None:
        """Lets go of it soon."""
        ...


class Holdings:
    """How many bytes are held for whom, in the order in which it began."""

    def __init__(self, most: int) -> None:
        """At most so many bytes, unless one holder alone has more: others bound that."""
        self._most = most
        self._total = 0
        self._held: OrderedDict[Holder, int] = OrderedDict()

    @property
    def total(self) -> int:
        """How many bytes there are."""
        return self._total

    def hold(self, who: Holder, count: int) -> None:
        """So many bytes are held for somebody now; others give up when that is too much."""
        self._total += count - self._held.get(who, 0)
        self._held[who] = count
        while self._total > self._most and len(self._held) > 1:
            oldest = next(each for each in self._held if each is not who)
            self.release(oldest)
            oldest.give_up()

    def release(self, who: Holder) -> None:
        """Releases what is held."""
        self._total -= self._held.pop(who, 0)


class Member(Protocol):
    """A connection."""

    @property
    def is_known(self) -> bool:
        """Whether it has brought a key or a password."""
        ...

    def give_up(self) -> None:
        """Closes it at once."""
        ...


class Crowd:
    """All connections. When there is one too many, the oldest goes of those that owe us a head.

    Else of the strangers that ask nothing, else of the other strangers; so whoever comes is heard.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        """At most so many at present: what a process may have open can be changed from outside."""
        self._most = most
        self._heads: OrderedDict[Member, float] = OrderedDict()
        self._idle: OrderedDict[Member, float] = OrderedDict()
        self._busy: OrderedDict[Member, float] = OrderedDict()
        self._stalled: OrderedDict[Member, float] = OrderedDict()
        self._head_bytes = Holdings(_HEADS_BYTES)
        self._answer_bytes = Holdings(_ANSWERS_BYTES)
        self._looking: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many there are."""
        return len(self._heads) + len(self._idle) + len(self._busy)

    def enter(self, who: Member) -> None:
        """A new connection, which now owes a head."""
        self._move(who, self._heads)
        while len(self) > self._most() and who in self._heads:
            self._make_room(who)

    def owe(self, who: Member, head_bytes: int) -> None:
        """So much of a head has come, and not all of it."""
        if who not in self._heads:
            self._move(who, self._heads)
        self._head_bytes.hold(who, head_bytes)

    def ask(self, who: Member, more_bytes: int) -> None:
        """A head is there: the request is being met. So many bytes of more requests wait behind it."""
        self._head_bytes.release(who)
        self._move(who, self._busy)
        if more_bytes:
            self._head_bytes.hold(who, more_bytes)

    def rest(self, who: Member) -> None:
        """All that was asked is answered."""
        if who in self._busy:
            self._head_bytes.release(who)
            self._move(who, self._idle)

    def stall(self, who: Member, answer_bytes: int) -> None:
        """The client takes no more of an answer for now."""
        self._stalled[who] = self._look_later()
        self._answer_bytes.hold(who, answer_bytes)

    def is_stalled(self, who: Member) -> bool:
        """Whether its client takes no more at present."""
        return who in self._stalled

    def flow(self, who: Member) -> None:
        """The client has taken the most of an answer."""
        self._stalled.pop(who, None)
        self._answer_bytes.release(who)

    def leave(self, who: Member) -> None:
        """The connection is no more."""
        self._take_out(who)
        self._head_bytes.release(who)
        self.flow(who)

    def _move(self, who: Member, kind: OrderedDict[Member, float]) -> None:
        self._take_out(who)
        kind[who] = self._look_later()

    def _take_out(self, who: Member) -> None:
        for kind in (self._heads, self._idle, self._busy):
            kind.pop(who, None)

    def _make_room(self, newest: Member) -> None:
        owing = (each for each in self._heads if each is not newest)
        idle, busy = ((each for each in kind if not each.is_known) for kind in (self._idle, self._busy))
        gone = next(chain(owing, idle, busy, self._idle), newest)
        self._dismiss(gone)

    def _dismiss(self, who: Member) -> None:
        self.leave(who)
        who.give_up()

    def _look_later(self) -> float:
        """Now; looks after those who take too long, as long as there is anybody."""
        loop = asyncio.get_running_loop()
        if self._looking is None:
            self._looking = loop.call_later(LOOK_SECONDS, self._look)
        return loop.time()

    def _look(self) -> None:
        self._looking = None
        now = asyncio.get_running_loop().time()
        for kind, seconds in ((self._heads, HEAD_SECONDS), (self._stalled, ANSWER_SECONDS)):
            while kind and next(iter(kind.values())) < now - seconds:
                self._dismiss(next(iter(kind)))
        if len(self) or self._stalled:
            self._look_later()
