"""The state of every series: loads events, applies writes, and advances in time where something is due."""

from collections.abc import Hashable, Iterator
from heapq import heappop, heappush
from typing import Generic, TypeVar

from dora_exporter.dora.events import Deployment, Incident, Series
from dora_exporter.dora.failures.classifier import Classifier
from dora_exporter.dora.store import EventStore
from dora_exporter.series.aggregates import Aggregates
from dora_exporter.series.counting_incidents import CountingIncidents
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.pending_writes import SeriesWrites
from dora_exporter.series.series_state import SeriesState

Item = TypeVar("Item", bound=Hashable)


class DueQueue(Generic[Item]):
    """Items by the moment of their re-evaluation; an item is due once, at its earliest moment."""

    def __init__(self) -> None:
        """Nothing is due."""
        self._heap: list[tuple[int, int, Item]] = []
        self._moments: dict[Item, int] = {}
        self._count = 0

    def schedule(self, item: Item, moment: int | None) -> None:
        """Schedules ``item`` to be re-evaluated at ``moment``; None never does."""
        if moment is not None and moment < self._moments.get(item, moment + 1):
            self._moments[item] = moment
            self._count += 1
            heappush(self._heap, (moment, self._count, item))

    def due(self, now: int) -> Iterator[Item]:
        """Removes and yields the items that are due."""
        while self._heap and self._heap[0][0] <= now:
            moment, _, item = heappop(self._heap)
            if self._moments.get(item) == moment:
                del self._moments[item]
                yield item

    def forget(self, item: Item) -> None:
        """Removes an item from the queue."""
        self._moments.pop(item, None)


class States:
    """The states by series, and the queue of those to settle: written to, or due."""

    def __init__(self, store: EventStore, definitions: Definitions, aggregates: Aggregates) -> None:
        """No series."""
        self._store = store
        self._definitions = definitions
        self._aggregates = aggregates
        self.by_series: dict[Series, SeriesState] = {}
        self._unsettled: dict[Series, None] = {}
        self._due: DueQueue[Series] = DueQueue()

    def load(
        self, series: Series, deployments: list[Deployment], incidents: list[Incident], now_ms: int
    ) -> Iterator[None]:
        """Loads all events of a series that has no state."""
        state = self.by_series.get(series)
        if state is None:
            state = self.by_series[series] = self._new(series)
        yield from state.loading(deployments, incidents, now_ms)
        self._unsettled[series] = None

    def follow(self, series: Series, writes: SeriesWrites) -> Iterator[None]:
        """Applies the writes to a series, one by one."""
        state = self.by_series[series]
        for before, after in writes.changes():
            # To search an index that is not built is one long step: so those that it will search come first.
            for event in (before, after):
                while event and not state.classifier.in_order.prepare(event):
                    yield
            if before:
                yield from state.removing(before)
            if after:
                yield from state.adding(after)
            yield
        self._unsettled[series] = None

    def settle(self, series: Series, now_ms: int) -> Iterator[None]:
        """Advances a series to a moment, and forgets it if it has no event left."""
        state = self.by_series[series]
        while not state.prepare(now_ms):
            yield
        yield from state.seeking(now_ms)
        self._due.schedule(series, state.next_change)
        if not state.size:
            self.forget(series)

    def mark_due(self, now_ms: int) -> None:
        """Queues the series in which an event begins or ceases to count by a moment."""
        self._unsettled.update(dict.fromkeys(self._due.due(now_ms)))

    def mark_all(self) -> None:
        """Queues every series."""
        self._unsettled.update(dict.fromkeys(self.by_series))

    def pop_unsettled(self) -> Series | None:
        """Removes a series from the queue and returns it; None if the queue is empty."""
        while self._unsettled:
            series, _ = self._unsettled.popitem()
            if series in self.by_series:
                return series
        return None

    def forgetting(self, series: Series) -> Iterator[None]:
        """Drops the state of a series and its aggregate, a step at a time."""
        state = self.by_series.get(series)
        parts = list(state.parts()) if state else []
        del state  # or it would hold all parts until the end, and free them at once
        self.forget(series)
        while parts:
            yield
            parts.pop()

    def forget(self, series: Series) -> None:
        """Drops the state of a series and its aggregate."""
        self.by_series.pop(series, None)
        self._unsettled.pop(series, None)
        self._due.forget(series)
        self._aggregates.drop(series)

    def _new(self, series: Series) -> SeriesState:
        updates = self._aggregates.updates(series)
        classifier = Classifier(
            rules=self._definitions.rules,
            attribution_limit_ms=self._definitions.attribution_limit_ms,
            find=self._store.deployments.get,
            updates=updates,
        )
        return SeriesState(
            classifier,
            updates,
            retention_ms=self._definitions.retention_ms,
            merge_within_ms=self._definitions.merge_within_ms,
            counting=CountingIncidents(
                self._definitions.incidents, classifier, self._definitions.catalogue.services_of
            ),
        )
