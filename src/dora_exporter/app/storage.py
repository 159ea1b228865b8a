"""Where the events are kept, as the settings say: in a file of this daemon, or in a database that replicas share."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp.typedefs import Middleware
from prometheus_client.registry import Collector

from dora_exporter.app.settings import Settings
from dora_exporter.app.telemetry import EventCounts, SnapshotCollector
from dora_exporter.commits.git.uploads import Uploads
from dora_exporter.dora.event_log import Appendable, EventLog, Unavailable
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.storage.checkpoint import Checkpoints
from dora_exporter.storage.file import SnapshotFile
from dora_exporter.storage.postgresql.driver import needing_driver
from dora_exporter.storage.retention import Horizon, forget
from dora_exporter.web.api.git_metadata import Share


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a process does as one of many. ``lead`` comes first, then ``follow``, and so on.

    A ``lead`` that failed comes again. ``uploads`` takes the packs that others were sent, and ``wake`` is told of each
    repository for which one came.
    """

    lead: Callable[[], Awaitable[None]]
    follow: Callable[[], Awaitable[None]]
    uploads: Uploads
    wake: Callable[[str], None]


class Storage(Protocol):
    """Life: ``open``, the log's ``replay``, ``start``, ``take_part``, at last ``close``."""

    @property
    def log(self) -> EventLog:
        """Where events go."""
        ...

    @property
    def leader_log(self) -> Appendable:
        """For what only the leader may write: it refuses what comes from any other."""
        ...

    @property
    def collector(self) -> Collector:
        """The families about how events are kept."""
        ...

    @property
    def middlewares(self) -> Sequence[Middleware]:
        """What requests about events need."""
        ...

    @property
    def share(self) -> Share | None:
        """Gives an uploaded pack to the other replicas, where there may be others."""
        ...

    async def open(self) -> None:
        """Gets hold of what is kept; raises what ends the program, in one line."""
        ...

    async def resume(self, store: EventStore) -> bool:
        """Fills the empty store with what spares most of a replay; False, and nothing changed, where there is none."""
        ...

    def replay(self) -> AsyncIterator[Sequence[Record]]:
        """The records kept so far, or those that ``resume`` did not have."""
        ...

    async def start(self, store: EventStore, counts: EventCounts) -> None:
        """From here on every committed record is applied to the store."""
        ...

    async def take_part(self, part: Part) -> None:
        """From here on this process may lead: poll, resolve and compact."""
        ...

    def leads(self) -> bool:
        """Whether this process polls, resolves and compacts."""
        ...

    async def maintain(self, retention_ms: int) -> None:
        """Takes out what does not count any more and prepares the next start, when that is due."""
        ...

    async def retire(self) -> None:
        """Leads no more; comes before ``close``, while what is under way ends."""
        ...

    async def close(self) -> None:
        """Commits what was appended, and lets go."""
        ...


class FileStorage:
    """A snapshot file: this process is alone with it."""

    middlewares: Sequence[Middleware] = ()
    share: Share | None = None

    def __init__(self, settings: Settings, *, clock: Clock, replay_seconds: Callable[[], float | None]) -> None:
        """Opens nothing yet."""
        self.log = SnapshotFile(settings.snapshot.path, durability=settings.snapshot.durability, clock=clock)
        self.leader_log: Appendable = self.log
        self.collector: Collector = SnapshotCollector(lambda: self.log.statistics, replay_seconds=replay_seconds)
        self._horizon = Horizon(clock)
        self._store: EventStore | None = None
        self._checkpoints = Checkpoints(settings.snapshot.path)
        self._resumed_at = 0
        self._clock = clock

    async def open(self) -> None:
        """Takes the lock; raises SnapshotError."""
        self.log.open()

    async def resume(self, store: EventStore) -> bool:
        """Takes what the checkpoint has."""
        head = await self._checkpoints.take_up(store)
        self._resumed_at = 0 if head is None else head.length
        return head is not None

    def replay(self) -> AsyncIterator[Sequence[Record]]:
        """Reads the file from where the checkpoint ends."""
        return self.log.replay(self._resumed_at)

    async def start(self, store: EventStore, _counts: EventCounts) -> None:
        """Follows the log."""
        self._store = store
        await self._horizon.begin(store)
        await self.log.start(store.apply_all)

    async def take_part(self, part: Part) -> None:
        """Leads at once."""
        await part.lead()

    def leads(self) -> bool:
        """Always."""
        return True

    async def maintain(self, retention_ms: int) -> None:
        """Drops what is too old, compacts the file, and makes its checkpoint anew."""
        if self._store is not None and self.log.is_compaction_due():
            horizon_ms = await self._horizon.now_ms(self._store)
            oldest_ms = horizon_ms - retention_ms
            with contextlib.suppress(Unavailable):  # what the log cannot take now stays until the next time
                await forget(self._store, self.log, oldest_ms=oldest_ms, now_ms=horizon_ms)
            now_ms = self._clock()
            await self.log.compact(now_ms, now_ms - oldest_ms)
        if self._checkpoints.is_due(self.log.statistics):
            await self._checkpoints.make(self.log.statistics)

    async def retire(self) -> None:
        """Nobody else could lead."""

    async def close(self) -> None:
        """Gives the lock back."""
        self._checkpoints.close()
        await self.log.close()


def storage(settings: Settings, *, clock: Clock, replay_seconds: Callable[[], float | None]) -> Storage:
    """What the settings ask for. Raises ``DatabaseError`` where what is needed for it is not installed."""
    if not settings.store.is_database:
        return FileStorage(settings, clock=clock, replay_seconds=replay_seconds)
    build: Callable[..., Storage] = needing_driver("dora_exporter.app.replicated_storage:DatabaseStorage")
    return build(settings, clock=clock, replay_seconds=replay_seconds)
