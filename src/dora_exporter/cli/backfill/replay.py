"""What the daemon would have exposed at moments of the past."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from dora_exporter.dora.events import Event
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.exposition.gzip_pieces import Piece
from dora_exporter.exposition.series_text import SeriesText
from dora_exporter.exposition.text_cache import Family
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.past import Past

_BLOCKS_AT_ONCE = 1_000_000


class PastText:
    """The exposition at instants of the past."""

    def __init__(self, records: Iterable[Record], definitions: Definitions, instants: Sequence[int]) -> None:
        """``records`` are those of the whole log, ``instants`` ascend."""
        held = EventStore()
        for record in records:
            held.apply(record)
        self._instants = instants
        self._past = Past(definitions, held.series_order, instants)
        events: list[Event] = [*held.deployments.values(), *held.incidents.values()]
        for event in events:
            self._past.add(event)
        asyncio.run(self._past.load())
        self._text = SeriesText(self._past.engine)

    @property
    def families(self) -> list[Family]:
        """All families, in their order."""
        return [family for cache in self._text.caches for family in cache.families]

    def at(self, index: int) -> Iterator[Piece]:
        """The sample lines of each family at an instant, which is not before the last one.

        The lines that did not change come in the same object.
        """
        for _ in self._past.advance(index):
            pass
        while not self._text.update(self._instants[index]):
            pass
        for cache in self._text.caches:
            while not cache.refresh(_BLOCKS_AT_ONCE):
                pass
            yield from (lines for _, lines in cache.sections())
