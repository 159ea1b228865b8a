"""Opens the event log that the settings name: a file of this daemon, or a database that replicas share."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp.typedefs import Middleware
from prometheus_client.registry import Collector

from dora_exporter.app.settings import Settings
from dora_exporter.app.telemetry import SnapshotCollector
from dora_exporter.commits.git.uploads import Uploads
from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.changes import WriteCounts
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
class Role:
    """What a process does as one of many replicas. ``lead`` comes first, then ``follow``, and so on.

    A ``lead`` that failed comes again. ``uploads`` imports the packs that other replicas received, and ``wake`` is
    called with each repository that got one.
    """

    lead: Callable[[], Awaitable[None]]
    follow: Callable[[], Awaitable[None]]
    uploads: Uploads
    wake: Callable[[str], None]


class Replication(Protocol):
    """What a process shares with other replicas. Life: ``join`` once the log has started, at last ``retire``."""

    @property
    def leader_log(self) -> Appendable:
        """For what only the leader may write: it refuses records while another replica leads."""
        ...

    @property
    def middlewares(self) -> Sequence[Middleware]:
        """Let a client read its own writes from any replica."""
        ...

    @property
    def share(self) -> Share | None:
        """Sends an uploaded pack to the other replicas; None where there cannot be any."""
        ...

    @property
    def leads(self) -> bool:
        """Whether this process polls, resolves and compacts."""
        ...

    async def join(self, role: Role) -> None:
        """From here on this process may become the leader."""
        ...

    async def retire(self) -> None:
        """Leads no more; comes before the storage's ``close``, while what is under way ends."""
        ...


class Storage(Protocol):
    """Where events are kept. Life: ``open``, ``resume``, ``replay``, ``start``, at last ``close``."""

    @property
    def log(self) -> EventLog:
        """The log of events."""
        ...

    @property
    def replication(self) -> Replication:
        """What concerns other replicas; a ``SingleProcess`` where there are none."""
        ...

    @property
    def collector(self) -> Collector:
        """The metric families about the log."""
        ...

    async def open(self) -> None:
        """Locks the file, or connects; raises what ends the program, in one line."""
        ...

    async def resume(self, store: EventStore) -> bool:
        """Fills the empty store from a checkpoint; False, and nothing changed, where there is none."""
        ...

    def replay(self) -> AsyncIterator[Sequence[Record]]:
        """The records kept so far, without those that the checkpoint of ``resume`` covers."""
        ...

    async def start(self, store: EventStore, writes: WriteCounts) -> None:
        """From here on every committed record is applied to the store; ``writes`` pauses for other replicas'."""
        ...

    async def maintain(self, retention_ms: int, catalogue: Catalogue = NO_CATALOGUE) -> None:
        """Drops expired events, compacts, and writes the checkpoint, when that is due."""
        ...

    async def close(self) -> None:
        """Commits what was appended, and releases the file or the connections."""
        ...


class SingleProcess:
    """The ``Replication`` of a process that does not share its log: it leads from the start."""

    middlewares: Sequence[Middleware] = ()
    share: Share | None = None
    leads = True

    def __init__(self, log: Appendable) -> None:
        """``log`` takes what a leader writes, as it takes everything else."""
        self.leader_log = log

    async def join(self, role: Role) -> None:
        """Leads at once."""
        await role.lead()

    async def retire(self) -> None:
        """Does nothing: a file has one writer, which always leads."""


class FileStorage:
    """A snapshot file, which is locked for this process alone."""

    def __init__(self, settings: Settings, *, clock: Clock, replay_seconds: Callable[[], float | None]) -> None:
        """Opens nothing yet."""
        self.log = SnapshotFile(settings.snapshot.path, durability=settings.snapshot.durability, clock=clock)
        self.replication: Replication = SingleProcess(self.log)
        self.collector: Collector = SnapshotCollector(self.log.statistics, replay_seconds=replay_seconds)
        self._horizon = Horizon(clock)
        self._store: EventStore | None = None
        self._checkpoints = Checkpoints(settings.snapshot.path)
        self._resumed_at = 0
        self._clock = clock

    async def open(self) -> None:
        """Takes the lock; raises SnapshotError."""
        self.log.open()

    async def resume(self, store: EventStore) -> bool:
        """Loads the checkpoint."""
        head = await self._checkpoints.load(store)
        self._resumed_at = 0 if head is None else head.length
        return head is not None

    def replay(self) -> AsyncIterator[Sequence[Record]]:
        """Reads the file from where the checkpoint ends."""
        return self.log.replay(self._resumed_at)

    async def start(self, store: EventStore, _writes: WriteCounts) -> None:
        """Follows the log."""
        self._store = store
        await self._horizon.begin(store)
        await self.log.start(store.apply_all)

    async def maintain(self, retention_ms: int, catalogue: Catalogue = NO_CATALOGUE) -> None:
        """Drops expired events, compacts the file, and writes its checkpoint."""
        if self._store is not None and self.log.is_compaction_due():
            horizon_ms = await self._horizon.now_ms(self._store)
            oldest_ms = horizon_ms - retention_ms
            with contextlib.suppress(Unavailable):  # what the log cannot take now stays until the next time
                await forget(self._store, self.log, oldest_ms=oldest_ms, now_ms=horizon_ms, catalogue=catalogue)
            now_ms = self._clock()
            await self.log.compact(now_ms, now_ms - oldest_ms)
        if self._checkpoints.is_due(self.log.statistics()):
            await self._checkpoints.make(self.log.statistics())

    async def close(self) -> None:
        """Releases the lock."""
        self._checkpoints.close()
        await self.log.close()


def storage(settings: Settings, *, clock: Clock, replay_seconds: Callable[[], float | None]) -> Storage:
    """The storage that the settings name. Raises ``DatabaseError`` where its driver is not installed."""
    if not settings.store.is_database:
        return FileStorage(settings, clock=clock, replay_seconds=replay_seconds)
    build: Callable[..., Storage] = needing_driver("dora_exporter.app.replicated_storage:DatabaseStorage")
    return build(settings, clock=clock, replay_seconds=replay_seconds)
