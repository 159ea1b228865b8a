"""Writes the items of one pass or webhook delivery to the log."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from heapq import merge

from msgspec.structs import replace

from dora_exporter.dora import bounds
from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Appendable
from dora_exporter.dora.events import Deployment, Event, Incident, same_content
from dora_exporter.dora.records import Cursor
from dora_exporter.runtime.cooperative import in_batches, in_turns
from dora_exporter.sources.contract import Item, Memory
from dora_exporter.sources.polling.health import Health
from dora_exporter.sources.polling.indexes import Indexes, target_of

logger = logging.getLogger(__name__)

_LONGEST_ID = 100
_MOST_PROBLEMS = 20


class EventSink:
    """A ``Sink`` for one pass, or for one webhook. It keeps at most two writes under way."""

    def __init__(
        self,
        source: str,
        *,
        log: Appendable,
        indexes: Indexes,
        health: Health,
        in_flight: dict[str, Event],
        warn: Callable[..., None] = logger.warning,
    ) -> None:
        """``source`` is the name of the source whose items these are.

        ``in_flight`` holds what was written and is not yet durable; all sinks of a source share it. ``outcomes`` counts
        what writes did to this sink's items, ``problems`` say why the first of them were quarantined.
        ``warn`` logs: a message and its facts.
        """
        self._source = source
        self._store = indexes.store
        self._log = log
        self._indexes = indexes
        self._health = health
        self._in_flight = in_flight
        self._warn = warn
        self._under_way: asyncio.Task[None] | None = None
        self.outcomes: Counter[str] = Counter()
        self.problems: list[str] = []

    async def write(self, items: Sequence[Item]) -> None:
        """Appends the items that change something, and waits for those of the write before."""
        news: list[Item] = []
        for each in items:
            changes: Counter[str] = Counter()
            item = _within_bounds(each, changes)
            if item is None:
                self.quarantine(
                    getattr(each, "id", ""), f"its id is empty, not printable or over {bounds.ID_LENGTH} long"
                )
            elif self._changes_nothing(item):
                self._count(Outcome.UNCHANGED.value)
            else:
                self._health.names_changed.update(changes)
                news.append(item)
        if news:
            before, self._under_way = self._under_way, self._begin(news)
            if before is not None:
                await asyncio.shield(before)

    async def flush(self) -> None:
        """Waits until everything written is durable."""
        before, self._under_way = self._under_way, None
        if before is not None:
            await asyncio.shield(before)

    async def abandon(self) -> None:
        """Ends a pass that failed: what it wrote stays written, as far as it becomes durable."""
        before, self._under_way = self._under_way, None
        if before is not None:
            await asyncio.wait([before])

    def _begin(self, items: Sequence[Item]) -> asyncio.Task[None]:
        """Takes the place in the log now; the task waits until the items are durable."""
        written = self._log.append(items)
        flying = {each.id: each for each in items if isinstance(each, Deployment | Incident)}
        self._in_flight.update(flying)
        task = asyncio.create_task(self._finish(written, flying))
        task.add_done_callback(_retrieve_exception)
        return task

    async def _finish(self, written: Awaitable[list[Outcome]], flying: Mapping[str, Event]) -> None:
        try:
            self.outcomes += self._health.count(await written)
        finally:
            for event_id, event in flying.items():
                if self._in_flight.get(event_id) is event:
                    del self._in_flight[event_id]

    def _count(self, outcome: str, count: int = 1) -> None:
        self._health.items[outcome] += count
        self.outcomes[outcome] += count

    def _changes_nothing(self, item: Item) -> bool:
        """Whether writing the item would change nothing: it is stored with this content, or has a tombstone."""
        if isinstance(item, Incident):
            return ("incident", item.id) in self._store.tombstones or same_content(item, self.incident(item.id))
        if isinstance(item, Deployment):
            held = self.deployment(item.id)
            if held is not None:
                item = replace(item, verdict=held.verdict, shipped=held.shipped)
            return ("deployment", item.id) in self._store.tombstones or same_content(item, held)
        return False

    def noted(self) -> Memory:
        """What was written last as a note."""
        return self._store.cursors.get(_notes_of(self._source), {})

    def note(self, memory: Memory) -> Cursor:
        """The item that stores ``memory`` beside the memory of passes."""
        return Cursor(_notes_of(self._source), memory)

    def skip(self, count: int = 1) -> None:
        """Counts rows that the settings leave out."""
        self._count("skipped", count)

    def quarantine(self, upstream_id: object, reason: str) -> None:
        """Counts and logs a row that cannot be understood."""
        self._count("quarantined")
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(reason)
        shown = repr(upstream_id)[:_LONGEST_ID]
        self._warn("row skipped source=%s id=%s reason=%s", self._source, shown, reason)

    def clamp(self, event_id: str) -> None:
        """Counts and logs an item that is new with an end before its beginning: a pass may read it again and again."""
        held = self.incident(event_id) or self.deployment(event_id)
        if held is None or held.finished_at != held.started_at:
            self._health.ends_clamped += 1
            shown = repr(event_id)[:_LONGEST_ID]
            self._warn("finished_at before started_at, clamped source=%s id=%s", self._source, shown)

    def overflow(self, count: int = 1) -> None:
        """Counts a stretch of time with more rows than can be read."""
        self._health.overflows += count
        self._warn("upstream row limit reached, rows are missing source=%s", self._source)

    def deployment(self, event_id: str) -> Deployment | None:
        """The deployment as stored or in flight."""
        flying = self._in_flight.get(event_id)
        return flying if isinstance(flying, Deployment) else self._store.deployments.get(event_id)

    def incident(self, event_id: str) -> Incident | None:
        """The incident as stored or in flight."""
        flying = self._in_flight.get(event_id)
        return flying if isinstance(flying, Incident) else self._store.incidents.get(event_id)

    async def deployments(self) -> Sequence[Deployment]:
        """The deployments held of this source, found a few milliseconds at a time."""
        held = in_batches(self._store.deployments.values())
        return [each async for some in held for each in some if each.source == self._source]

    def deployments_to(self, target: str) -> Iterator[Deployment]:
        """The deployments of this source to a target, also those not yet durable, by the time that they began at."""
        flying = [
            each for each in self._in_flight.values() if isinstance(each, Deployment) and target_of(each) == target
        ]
        flying.sort(key=_began, reverse=True)
        held = (
            each for each in self._indexes.targets.newest_first(self._source, target) if each.id not in self._in_flight
        )
        return merge(flying, held, key=_began, reverse=True)

    async def incidents(self) -> AsyncIterator[Incident]:
        """The incidents held of this source; others have their turn in between."""
        async for each in in_turns(list(self._store.incidents)):
            incident = self._store.incidents.get(each)
            if incident is not None and incident.source == self._source:
                yield incident

    def open_incidents(self) -> Iterable[Incident]:
        """The open incidents of this source that belong to a service or team."""
        return self._indexes.open_incidents.of(self._source)

    def incidents_about(self, subject: str) -> Sequence[Incident]:
        """The incidents of this source whose ids are the subject, a colon and more."""
        held = {each.id: each for each in self._indexes.open_incidents.about(subject) if each.source == self._source}
        for each in self._in_flight.values():
            if isinstance(each, Incident) and each.id.rpartition(":")[0] == subject:
                held[each.id] = each
        return list(held.values())


def _began(deployment: Deployment) -> tuple[int, str]:
    return deployment.started_at, deployment.id


def _within_bounds(item: Item, changes: Counter[str]) -> Item | None:
    """The item with its texts within their bounds; None for an event whose id cannot be cut to be one."""
    if not isinstance(item, Deployment | Incident):
        return item
    if not bounds.is_id(item.id):
        return None
    if isinstance(item, Deployment):
        return bounds.bounded_deployment(item, changes)
    return bounds.bounded_incident(item, changes)


def _retrieve_exception(task: asyncio.Task[None]) -> None:
    """Retrieves the exception of a write whose pass was cancelled, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()


def _notes_of(source: str) -> str:
    """The cursor name of the notes. No source can have it, because names hold no slash."""
    return f"{source}/notes"
