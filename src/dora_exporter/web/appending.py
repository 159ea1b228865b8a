"""Events on their way into the log, in groups of which several may be under way at once."""

import asyncio
from collections import deque
from collections.abc import Iterable

from dora_exporter.events import Event
from dora_exporter.log import EventLog
from dora_exporter.store import Outcome
from dora_exporter.web.tally import Tally

_GROUP = 500
_MAX_UNDER_WAY = 4


class Appending:
    """Appends what is taken in its order, and counts the outcomes. Raises ``Unavailable`` when the log does."""

    def __init__(self, log: EventLog, tally: Tally) -> None:
        """Nothing is under way."""
        self._log = log
        self._tally = tally
        self._waiting: list[Event] = []
        self._under_way: deque[asyncio.Future[list[Outcome]]] = deque()

    def take(self, events: Iterable[Event]) -> None:
        """Takes events; with a group together, they go to the log. What came before an error is taken."""
        self._waiting.extend(events)
        if len(self._waiting) >= _GROUP:
            self._send()

    async def catch_up(self) -> None:
        """Waits while the log is far behind, and lets others have their turn."""
        while len(self._under_way) > _MAX_UNDER_WAY:
            self._tally.count(await self._under_way.popleft())
        await asyncio.sleep(0)

    async def finish(self) -> None:
        """Waits for all that was taken. When the log refuses a group, those after it may be stored all the same."""
        if self._waiting:
            self._send()
        failures = []
        for outcomes in await asyncio.gather(*self._under_way, return_exceptions=True):
            if isinstance(outcomes, BaseException):
                failures.append(outcomes)
            else:
                self._tally.count(outcomes)
        if failures:
            raise failures[0]

    def _send(self) -> None:
        self._under_way.append(asyncio.ensure_future(self._log.append(self._waiting)))
        self._waiting = []
