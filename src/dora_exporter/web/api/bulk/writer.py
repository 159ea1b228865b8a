"""Appends events to the log in groups, several of them at a time."""

import asyncio
from collections import deque
from collections.abc import Iterable

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import EventLog
from dora_exporter.dora.events import Event
from dora_exporter.web.api.bulk.result import ResultCounts

_GROUP = 500
_MAX_IN_FLIGHT = 4


class PendingEvents:
    """Events that are not in the store yet. Their ids are rarely needed, so they are collected only then."""

    def __init__(self) -> None:
        """Starts empty."""
        self.events: list[Event] = []
        self._ids: set[str] = set()
        self._collected = 0

    def add(self, events: Iterable[Event]) -> None:
        """Adds events one by one: making the next one may look up those before it."""
        for each in events:
            self.events.append(each)

    def has(self, event_id: str) -> bool:
        """Whether there is one of this id."""
        self._ids.update(each.id for each in self.events[self._collected :])
        self._collected = len(self.events)
        return event_id in self._ids


class BulkWriter:
    """Appends events in order and counts the outcomes. Raises ``Unavailable`` when the log does."""

    def __init__(self, log: EventLog, result: ResultCounts) -> None:
        """Starts with nothing to write."""
        self._log = log
        self._result = result
        self._waiting = PendingEvents()
        self._in_flight: deque[tuple[PendingEvents, asyncio.Future[list[Outcome]]]] = deque()

    def add(self, events: Iterable[Event]) -> None:
        """Adds events; a full group is appended. Events before an error are kept."""
        self._waiting.add(events)
        if len(self._waiting.events) >= _GROUP:
            self._send()

    def is_pending(self, event_id: str) -> bool:
        """Whether an event of this id was added, and is perhaps not in the store yet."""
        return self._waiting.has(event_id) or any(group.has(event_id) for group, _ in self._in_flight)

    async def drain(self) -> None:
        """Waits while too many groups are being written, and yields to the event loop."""
        while len(self._in_flight) > _MAX_IN_FLIGHT:
            _, written = self._in_flight.popleft()
            self._result.count(await written)
        await asyncio.sleep(0)

    async def flush(self) -> None:
        """Waits for all events. When the log refuses a group, later ones may be stored all the same."""
        if self._waiting.events:
            self._send()
        failures = []
        in_flight = [written for _, written in self._in_flight]
        for outcomes in await asyncio.gather(*in_flight, return_exceptions=True):
            if isinstance(outcomes, BaseException):
                failures.append(outcomes)
            else:
                self._result.count(outcomes)
        if failures:
            raise failures[0]

    def _send(self) -> None:
        written = asyncio.ensure_future(self._log.append(self._waiting.events))
        self._in_flight.append((self._waiting, written))
        self._waiting = PendingEvents()
