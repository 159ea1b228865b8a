"""An engine that knows at each instant of the past what had happened by then, and nothing later."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from dora_exporter.dora.events import Deployment, Event, Series
from dora_exporter.dora.records import SeriesOrder
from dora_exporter.dora.sorted_in_steps import batches
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.cooperative import in_turns
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine

_PER_STEP = 256


class Past:
    """A store into which each event comes at its own time: a series is not known before its first one.

    What was learnt about an event later (a verdict, its commits, a correction) counts from the event on. Call ``add``
    for every event, then ``load``, then ``advance`` for each instant in order.
    """

    def __init__(self, definitions: Definitions, order: Iterable[Series], instants: Sequence[int]) -> None:
        """No event; ``order`` is that in which series appeared first, ``instants`` ascend."""
        self._instants = instants
        self._coming: list[list[Event]] = [[] for _ in instants]
        self._store = EventStore()
        self._store.apply(SeriesOrder(tuple(order)))
        self.engine = Engine(self._store, definitions)

    def add(self, event: Event) -> None:
        """Adds an event, to be known from the first instant that does not lie before it."""
        index = bisect_left(self._instants, _known_from(event))
        if index < len(self._coming):
            self._coming[index].append(event)

    async def load(self) -> None:
        """Brings the engine to the first instant, a few milliseconds at a time."""
        async for _ in in_turns(self.advance(0)):
            pass
        await self.engine.load(self._instants[0])

    def advance(self, index: int) -> Iterator[None]:
        """Lets the events up to an instant happen, some a step; the engine is to be updated after that."""
        events, self._coming[index] = self._coming[index], []
        for some in batches(events, _PER_STEP):
            self._store.apply_all(some)
            yield


def _known_from(event: Event) -> int:
    return event.finished_at if isinstance(event, Deployment) else event.started_at
