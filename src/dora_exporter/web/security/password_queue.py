"""A queue of password checks: a check takes long by intent, and guesses must not keep users waiting."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address

_WAITING_EACH = 4
_WAITING_IN_ALL = 64
_REMEMBERED_SUSPECTS = 10_000
_NETWORK_BITS = 64

Client = tuple[str, str | None]
"""The address that an attempt comes from, and the user that it names; None for all names that are no user's."""


class TooManyAttempts(Exception):
    """The queue is full, and newer attempts have taken the place of this one."""


def client_of(address: str | None, user: str | None) -> Client:
    """The client of an attempt. An IPv6 address stands for its /64 network, in which one client has very many."""
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or "", user
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or int(parsed) >> _NETWORK_BITS), user
    return str(parsed), user


class PasswordQueue:
    """One check at a time. Clients that guessed wrong wait behind the others; of one client the newest goes first.

    An attempt beyond the limit rejects the oldest one: a new client always gets a place, and memory stays bounded.
    """

    def __init__(self) -> None:
        """Starts empty."""
        self._is_taken = False
        self._waiting: OrderedDict[Client, deque[asyncio.Future[None]]] = OrderedDict()
        self._suspects: OrderedDict[Client, None] = OrderedDict()

    @asynccontextmanager
    async def turn(self, client: Client) -> AsyncIterator[None]:
        """Waits for a turn; raises ``TooManyAttempts`` when newer attempts took its place."""
        if self._is_taken:
            await self._wait(client)
        self._is_taken = True
        try:
            yield
        finally:
            self._is_taken = self._wake_next()

    def record(self, client: Client, *, is_right: bool) -> None:
        """Remembers whether the last attempt of a client was wrong."""
        self._suspects.pop(client, None)
        if not is_right:
            self._suspects[client] = None
            if len(self._suspects) > _REMEMBERED_SUSPECTS:
                self._suspects.popitem(last=False)

    async def _wait(self, client: Client) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        if len(self._waiting[client]) > _WAITING_EACH:
            self._reject_oldest(client)
        elif sum(map(len, self._waiting.values())) > _WAITING_IN_ALL:
            suspect = next((each for each in self._waiting if each in self._suspects), None)
            self._reject_oldest(suspect or next(iter(self._waiting)))
        await turn

    def _reject_oldest(self, client: Client) -> None:
        self._pop(client, newest=False).set_exception(TooManyAttempts())

    def _wake_next(self) -> bool:
        """Wakes the next waiter; False if there is none."""
        while self._waiting:
            client = next((each for each in self._waiting if each not in self._suspects), next(iter(self._waiting)))
            turn = self._pop(client, newest=True)
            if not turn.done():
                turn.set_result(None)
                return True
        return False

    def _pop(self, client: Client, *, newest: bool) -> asyncio.Future[None]:
        waiting = self._waiting.pop(client)
        turn = waiting.pop() if newest else waiting.popleft()
        if waiting:
            self._waiting[client] = waiting  # behind the others
        return turn
