"""Events on their way into the log, in groups of which several may be under way at once."""

import asyncio
from collections import deque
from collections.abc import Iterable

from dora_exporter.dora.event_log import EventLog
from dora_exporter.dora.events import Event
from dora_exporter.dora.store import Outcome
from dora_exporter.web.api.bulk.result import Tally

_GROUP = 500
_MAX_UNDER_WAY = 4


class Coming:
    """Events on their way. What is asked of their ids is rare, so these are collected only then."""

    def __init__(self) -> None:
        """None yet."""
        self.events: list[Event] = []
        self._ids: set[str] = set()
        self._collected = 0

    def take(self, events: Iterable[Event]) -> None:
        """Adds events, one by one: those before may be asked for while the next one is made."""
        for each in events:
            self.events.append(each)

    def has(self, event_id: str) -> bool:
        """Whether there is one of this id."""
        self._ids.update(each.id for each in self.events[self._collected :])
        self._collected = len(self.events)
        return event_id in self._ids


class Appending:
    """Appends what is taken in its order, and counts the outcomes. Raises ``Unavailable`` when the log does."""

    def __init__(self, log: EventLog, tally: Tally) -> None:
        """Nothing is under way."""
        self._log = log
        self._tally = tally
        self._waiting = Coming()
        self._under_way: deque[tuple[Coming, asyncio.Future[list[Outcome]]]] = deque()

    def take(self, events: Iterable[Event]) -> None:
        """Takes events; with a group together, they go to the log. What came before an error is taken."""
        self._waiting.take(events)
        if len(self._waiting.events) >= _GROUP:
            self._send()

    def is_coming(self, event_id: str) -> bool:
        """Whether an event of this id was taken, and is perhaps not in the store yet."""
        return self._waiting.has(event_id) or any(group.has(event_id) for group, _ in self._under_way)

    async def catch_up(self) -> None:
        """Waits while the log is far behind, and lets others have their turn."""
        while len(self._under_way) > _MAX_UNDER_WAY:
            _, written = self._under_way.popleft()
            self._tally.count(await written)
        await asyncio.sleep(0)

    async def finish(self) -> None:
        """Waits for all that was taken. When the log refuses a group, those after it may be stored all the same."""
        if self._waiting.events:
            self._send()
        failures = []
        under_way = [written for _, written in self._under_way]
        for outcomes in await asyncio.gather(*under_way, return_exceptions=True):
            if isinstance(outcomes, BaseException):
                failures.append(outcomes)
            else:
                self._tally.count(outcomes)
        if failures:
            raise failures[0]

    def _send(self) -> None:
        written = asyncio.ensure_future(self._log.append(self._waiting.events))
        self._under_way.append((self._waiting, written))
        self._waiting = Coming()
