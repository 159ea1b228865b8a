"""The start's long work: reads what was kept, computes its numbers and renders them."""

import gc

from dora_exporter.app.metrics_service import MetricsService
from dora_exporter.app.startup import Startup
from dora_exporter.app.storage import Storage
from dora_exporter.dora.changes import WriteCounts
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import stopwatch
from dora_exporter.runtime.garbage_collection import ShortSearches
from dora_exporter.sources.polling import Indexes


class Loading:
    """Fills the store from the log, then follows the log. No garbage is collected until all is rendered."""

    def __init__(
        self,
        storage: Storage,
        store: EventStore,
        *,
        indexes: Indexes,
        metrics: MetricsService,
        writes: WriteCounts,
        startup: Startup,
    ) -> None:
        """``writes`` counts what comes after the replay, ``startup`` notes how long that took."""
        self._storage = storage
        self._store = store
        self._indexes = indexes
        self._metrics = metrics
        self._writes = writes
        self._startup = startup
        self._searches = ShortSearches()

    async def start(self) -> None:
        """Reads and computes everything; from then on every committed record is applied to the store."""
        begun = stopwatch()
        gc.disable()
        if await self._storage.resume(self._store):
            await self._indexes.load()
        async for records in self._storage.replay():
            self._store.apply_all(records)
        await self._metrics.load()
        self._store.observers.add(self._writes.observe)
        self._startup.replay_seconds = stopwatch() - begun
        await self._storage.start(self._store, self._writes)

    async def render(self) -> None:
        """Does the work of a first scrape, while events are already accepted.

        What was made until then stays: garbage collection never has to look at it.
        """
        try:
            await self._metrics.render()
        finally:
            self._searches.start()

    async def stop(self) -> None:
        """Collects garbage as before the start."""
        self._searches.stop()
