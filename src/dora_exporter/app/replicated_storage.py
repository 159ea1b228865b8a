"""Events kept in a database that replicas share."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp.typedefs import Middleware
from prometheus_client.registry import Collector

from dora_exporter.app.settings import Settings
from dora_exporter.app.storage import Role
from dora_exporter.app.telemetry import DatabaseCollector
from dora_exporter.commits.git.command import GitFailed
from dora_exporter.commits.git.pack_check import BadPack
from dora_exporter.commits.git.repositories import TooManyRepositories
from dora_exporter.commits.git.uploads import Uploads
from dora_exporter.commits.git.workers import Busy
from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.changes import Outcome, WriteCounts
from dora_exporter.dora.event_log import Appendable, Unavailable
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.storage.postgresql import compaction
from dora_exporter.storage.postgresql import url as address
from dora_exporter.storage.postgresql.compaction import LeaseLost
from dora_exporter.storage.postgresql.connection import Link
from dora_exporter.storage.postgresql.error_classes import EXPECTED, reason
from dora_exporter.storage.postgresql.follower import become
from dora_exporter.storage.postgresql.lease import Lease
from dora_exporter.storage.postgresql.log import PostgresLog
from dora_exporter.storage.postgresql.pack_exchange import ImportPack, PackExchange
from dora_exporter.storage.postgresql.statements import Fence
from dora_exporter.storage.postgresql.url import ReadUrl
from dora_exporter.storage.retention import Horizon, forget
from dora_exporter.web.api.git_metadata import Share
from dora_exporter.web.read_your_writes import catching_up

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.2


class _LeaderLog:
    """Writes that only the leader may do: each is refused where another leads by the time of its commit."""

    def __init__(self, log: PostgresLog, lease: Lease) -> None:
        self._log = log
        self._lease = lease

    def append(self, records: Sequence[Record]) -> Awaitable[list[Outcome]]:
        fence = self._lease.fence
        if fence is None:
            raise Unavailable("another replica is the leader")
        return self._log.append(records, fence=fence)


class DatabaseReplication:
    """The ``Replication`` over PostgreSQL: a lease decides who leads, and packs pass through a table."""

    def __init__(self, log: PostgresLog, *, read_url: ReadUrl, git_folder: Path) -> None:
        """Connects to nothing yet."""
        holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._log = log
        self._lease = Lease(Link(read_url, name="lease"), holder)
        self._packs = PackExchange(
            Link(read_url, name="uploads"), Link(read_url, name="packs"), folder=git_folder.absolute()
        )
        self.leader_log: Appendable = _LeaderLog(log, self._lease)
        self.share: Share | None = self._packs.share
        self.middlewares: Sequence[Middleware] = (catching_up(log.catch_up),)

    @property
    def leads(self) -> bool:
        """Whether this replica holds the lease."""
        return self._lease.is_held

    @property
    def fence(self) -> Fence | None:
        """Goes with a write that only the leader may do; None while another replica leads."""
        return self._lease.fence

    async def join(self, role: Role) -> None:
        """Asks for the lease from here on, and imports the packs that other replicas received."""
        self._packs.start(_importing(role.uploads, role.wake))
        self._lease.start(gained=role.lead, lost=role.follow)

    async def retire(self) -> None:
        """Releases the lease."""
        self._log.hurry()
        await self._lease.close()

    async def close(self) -> None:
        """Shares no more packs."""
        await self._packs.close()


class DatabaseStorage:
    """The ``Storage`` over PostgreSQL. With its replication it has five connections at the most."""

    def __init__(self, settings: Settings, *, clock: Clock, replay_seconds: Callable[[], float | None]) -> None:
        """Connects to nothing yet."""
        self._read_url = read_url = settings.store.read_url
        self._horizon = Horizon(clock)
        self._store: EventStore | None = None
        self.log = PostgresLog(Link(read_url, name="log"), clock=clock)
        self.replication = DatabaseReplication(self.log, read_url=read_url, git_folder=settings.git_folder)
        self._maintenance = Link(read_url, name="maintenance")
        self.collector: Collector = DatabaseCollector(
            self.log.statistics, leads=lambda: self.replication.leads, replay_seconds=replay_seconds
        )

    async def open(self) -> None:
        """Connects, and makes the tables when there are none; raises DatabaseError."""
        await self.log.open()
        logger.info("events are stored in PostgreSQL place=%s", address.place(self._read_url()))

    async def resume(self, store: EventStore) -> bool:
        """Has no checkpoint: a replica need not have a disk."""
        return False

    def replay(self) -> AsyncIterator[Sequence[Record]]:
        """Reads the log."""
        return self.log.replay()

    async def start(self, store: EventStore, writes: WriteCounts) -> None:
        """Follows the log. Events that other replicas accepted are counted there."""

        def follow(records: Sequence[Record]) -> list[Outcome]:
            writes.is_paused = True
            try:
                return store.apply_all(records)
            finally:
                writes.is_paused = False

        async def adopt_state(other: EventStore) -> None:
            writes.is_paused = True
            try:
                await become(store, other)
            finally:
                writes.is_paused = False

        self._store = store
        await self._horizon.begin(store)
        await self.log.start(store.apply_all, follow=follow, become=adopt_state)
        await self._catch_up()

    async def _catch_up(self) -> None:
        """Applies what was written during the replay, however long the database is unavailable."""
        while True:
            with contextlib.suppress(Unavailable):
                return await self.log.catch_up()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def maintain(self, retention_ms: int, catalogue: Catalogue = NO_CATALOGUE) -> None:
        """Compacts the log, on the leader."""
        fence = self.replication.fence
        if fence is None or self._store is None:
            return
        try:
            if await compaction.is_due(self._maintenance):
                log = self.replication.leader_log
                horizon_ms = await self._horizon.now_ms(self._store)
                oldest_ms = horizon_ms - retention_ms
                await forget(self._store, log, oldest_ms=oldest_ms, now_ms=horizon_ms, catalogue=catalogue)
                await compaction.compact(
                    self._maintenance,
                    self._store,
                    fence=fence,
                    applied=self.log.position,
                    now_ms=horizon_ms,
                    retention_ms=retention_ms,
                )
        except (LeaseLost, Unavailable, *EXPECTED) as error:
            logger.warning("compaction aborted reason=%s", reason(error))

    async def close(self) -> None:
        """Commits what was appended."""
        await asyncio.gather(self.replication.close(), self.log.close(), self._maintenance.close())


def _importing(uploads: Uploads, wake: Callable[[str], None]) -> ImportPack:
    async def import_pack(repository: str, head: str, pack: Path) -> bool:
        folder = await uploads.workers.files(uploads.open)
        try:
            inside = await uploads.workers.files(pack.replace, folder / "incoming.pack")
            await uploads.workers.git(repository, uploads.add_pack, repository, head, inside)
        except (BadPack, TooManyRepositories) as error:
            logger.warning("shared pack rejected repository=%s reason=%s", repository, error or type(error).__name__)
            return True
        except (GitFailed, Busy, OSError) as error:
            logger.warning("shared pack not imported yet repository=%s reason=%s", repository, error)
            return False
        finally:
            await uploads.workers.files(uploads.discard, folder)
        wake(repository)
        return True

    return import_pack
