"""Whose password is checked next: a check takes long by intent, and guesses must not keep users waiting."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address

_WAITING_EACH = 4
_WAITING_IN_ALL = 64
_REMEMBERED_SUSPECTS = 10_000
_NETWORK_BITS = 64

Asker = tuple[str, str | None]
"""Where an attempt comes from, and the user that it names; None for all who are none."""


class TooManyAttempts(Exception):
    """Others have asked since, and only so many attempts wait."""


def asker(address: str | None, user: str | None) -> Asker:
    """Who asks. An address of IPv6 stands for its network: everybody has very many of them."""
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or "", user
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or int(parsed) >> _NETWORK_BITS), user
    return str(parsed), user


class PasswordTurns:
    """One check at a time. Who guessed wrong waits behind who did not; of one asker the newest attempt comes first.

    An attempt that would be one too many pushes out the oldest, so that whoever comes is heard, and no more is held
    however many guess.
    """

    def __init__(self) -> None:
        """Starts without waiters."""
        self._is_taken = False
        self._waiting: OrderedDict[Asker, deque[asyncio.Future[None]]] = OrderedDict()
        self._suspects: OrderedDict[Asker, None] = OrderedDict()

    @asynccontextmanager
    async def turn(self, who: Asker) -> AsyncIterator[None]:
        """Waits for a turn; raises ``TooManyAttempts`` when others have pushed this attempt out."""
        if self._is_taken:
            await self._wait(who)
        self._is_taken = True
        try:
            yield
        finally:
            self._is_taken = self._pass_on()

    def judge(self, who: Asker, *, is_right: bool) -> None:
        """Remembers how the attempt ended."""
        self._suspects.pop(who, None)
        if not is_right:
            self._suspects[who] = None
            if len(self._suspects) > _REMEMBERED_SUSPECTS:
                self._suspects.popitem(last=False)

    async def _wait(self, who: Asker) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(turn)
        if len(self._waiting[who]) > _WAITING_EACH:
            self._push_out(who)
        elif sum(map(len, self._waiting.values())) > _WAITING_IN_ALL:
            self._push_out(next((each for each in self._waiting if each in self._suspects), next(iter(self._waiting))))
        await turn

    def _push_out(self, who: Asker) -> None:
        self._take(who, newest=False).set_exception(TooManyAttempts())

    def _pass_on(self) -> bool:
        """Gives the turn to the next waiter; False if there is none."""
        while self._waiting:
            who = next((each for each in self._waiting if each not in self._suspects), next(iter(self._waiting)))
            turn = self._take(who, newest=True)
            if not turn.done():
                turn.set_result(None)
                return True
        return False

    def _take(self, who: Asker, *, newest: bool) -> asyncio.Future[None]:
        waiting = self._waiting.pop(who)
        turn = waiting.pop() if newest else waiting.popleft()
        if waiting:
            self._waiting[who] = waiting  # behind the others
        return turn
