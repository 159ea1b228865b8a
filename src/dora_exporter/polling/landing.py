"""Where the items of one source come in: the sink of a pass or of a webhook."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence

from dora_exporter.events import Deployment, Incident
from dora_exporter.log import EventLog
from dora_exporter.polling.health import Health
from dora_exporter.polling.open_incidents import OpenIncidents
from dora_exporter.records import Cursor
from dora_exporter.sources.source import Item, Memory
from dora_exporter.store import EventStore, Outcome

logger = logging.getLogger(__name__)

_LONGEST_ID = 100
_AT_A_TIME = 2000


class Landing:
    """A ``Sink`` for one pass, or for one webhook. It keeps at most two writes under way."""

    def __init__(
        self, source: str, *, store: EventStore, log: EventLog, open_incidents: OpenIncidents, health: Health
    ) -> None:
        """``source`` is the name of the source whose items these are."""
        self._source = source
        self._store = store
        self._log = log
        self._open_incidents = open_incidents
        self._health = health
        self._under_way: asyncio.Future[list[Outcome]] | None = None

    async def write(self, items: Sequence[Item]) -> None:
        """Appends the items, and waits for those of the write before."""
        if items:
            before, self._under_way = self._under_way, asyncio.ensure_future(self._log.append(items))
            await self._settle(before)

    async def flush(self) -> None:
        """Waits until everything written is durable."""
        before, self._under_way = self._under_way, None
        await self._settle(before)

    async def abandon(self) -> None:
        """Ends a pass that failed: what it wrote stays written and is counted, as far as it becomes durable."""
        before, self._under_way = self._under_way, None
        if before is not None:
            done, _ = await asyncio.wait([before])
            for each in done:
                if not each.cancelled() and each.exception() is None:
                    self._health.count(each.result())

    async def _settle(self, write: asyncio.Future[list[Outcome]] | None) -> None:
        if write is not None:
            self._health.count(await write)

    def noted(self) -> Memory:
        """What was written last as a note."""
        return self._store.cursors.get(_notes_of(self._source), {})

    def note(self, memory: Memory) -> Cursor:
        """What is to be remembered beside the memory of passes, as an item to write."""
        return Cursor(_notes_of(self._source), memory)

    def skip(self, count: int = 1) -> None:
        """Counts rows that the settings leave out."""
        self._health.items["skipped"] += count

    def quarantine(self, upstream_id: object, reason: str) -> None:
        """Counts and logs a row that cannot be understood."""
        self._health.items["quarantined"] += 1
        shown = repr(upstream_id)[:_LONGEST_ID]
        logger.warning("row left out source=%s id=%s reason=%s", self._source, shown, reason)

    def overflow(self, count: int = 1) -> None:
        """Counts a stretch of time with more rows than can be read."""
        self._health.overflows += count
        logger.warning("more rows than the upstream lets anybody read source=%s", self._source)

    def deployment(self, event_id: str) -> Deployment | None:
        """The deployment as held now."""
        return self._store.deployments.get(event_id)

    def incident(self, event_id: str) -> Incident | None:
        """The incident as held now."""
        return self._store.incidents.get(event_id)

    def deployments(self) -> Iterable[Deployment]:
        """The deployments held of this source."""
        return [each for each in self._store.deployments.values() if each.source == self._source]

    async def incidents(self) -> AsyncIterator[Incident]:
        """The incidents held of this source; others have their turn in between."""
        ids = list(self._store.incidents)
        for start in range(0, len(ids), _AT_A_TIME):
            for each in ids[start : start + _AT_A_TIME]:
                incident = self._store.incidents.get(each)
                if incident is not None and incident.source == self._source:
                    yield incident
            await asyncio.sleep(0)

    def open_incidents(self) -> Iterable[Incident]:
        """The incidents of this source that are open and count somewhere."""
        return self._open_incidents.of(self._source)


def _notes_of(source: str) -> str:
    """A name that no source has: the configuration refuses the stroke."""
    return f"{source}/notes"
