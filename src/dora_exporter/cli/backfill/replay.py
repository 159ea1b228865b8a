"""What the daemon would have exposed at moments of the past."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator

from dora_exporter.dora.events import Deployment, Event
from dora_exporter.dora.records import Record, SeriesOrder
from dora_exporter.dora.store import EventStore
from dora_exporter.exposition.gzip_pieces import Piece
from dora_exporter.exposition.series_text import SeriesText
from dora_exporter.exposition.text_cache import Family
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine

_BLOCKS_AT_ONCE = 1_000_000


class Past:
    """Engine of a store into which each event comes at its own time: a series is not known before its first one.

    What was learnt about an event later (a verdict, its commits, a correction) counts from the event on.
    """

    def __init__(self, records: Iterable[Record], definitions: Definitions, began_ms: int) -> None:
        """Starts at ``began_ms`` without events; ``records`` are those of the whole log."""
        held = EventStore()
        for record in records:
            held.apply(record)
        events: list[Event] = [*held.deployments.values(), *held.incidents.values()]
        self._coming = deque(sorted(events, key=_known_from))
        self._store = EventStore()
        self._store.apply(SeriesOrder(tuple(held.series_order)))
        self._let_happen(began_ms)
        engine = Engine(self._store, definitions)
        asyncio.run(engine.load(began_ms))
        self._text = SeriesText(engine)

    @property
    def families(self) -> list[Family]:
        """All families, in their order."""
        return [family for cache in self._text.caches for family in cache.families]

    def at(self, now_ms: int) -> Iterator[Piece]:
        """The sample lines of each family at a moment, which is not before the last one.

        The lines that did not change come in the same object.
        """
        self._let_happen(now_ms)
        while not self._text.update(now_ms):
            pass
        for cache in self._text.caches:
            while not cache.refresh(_BLOCKS_AT_ONCE):
                pass
            yield from (lines for _, lines in cache.sections())

    def _let_happen(self, now_ms: int) -> None:
        while self._coming and _known_from(self._coming[0]) <= now_ms:
            self._store.apply(self._coming.popleft())


def _known_from(event: Event) -> int:
    return event.finished_at if isinstance(event, Deployment) else event.started_at
