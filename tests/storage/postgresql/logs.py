"""Logs in a database, each with the store that it fills."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from tests.builders import ManualClock, fields
from tests.storage.postgresql.cluster import Database

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.postgresql import statements
from dora_exporter.storage.postgresql.connection import Link, connect
from dora_exporter.storage.postgresql.follower import become
from dora_exporter.storage.postgresql.log import PostgresLog
from dora_exporter.storage.postgresql.rows import entries


@dataclass
class Replica:
    """A log that was started, beside its store, without a daemon around them."""

    log: PostgresLog
    store: EventStore = field(default_factory=EventStore)
    own: list[Record] = field(default_factory=list)
    others: list[Record] = field(default_factory=list)

    async def start(self) -> None:
        """Reads what is there, and follows it."""
        await self.log.open()
        async for records in self.log.replay():
            for record in records:
                self.store.apply(record)
        await self.log.start(self._apply, follow=self._follow, become=partial(become, self.store))

    def _apply(self, records: Sequence[Record]) -> list[Outcome]:
        self.own += records
        return self.store.apply_all(records)

    def _follow(self, records: Sequence[Record]) -> list[Outcome]:
        self.others += records
        return self.store.apply_all(records)


def link(database: Database, *, port: int | None = None) -> Link:
    """A connection for whatever a test wants."""
    url = database.url(port=port)
    return Link(lambda: url, name="test")


@asynccontextmanager
async def uncommitted(database: Database, *records: Record, idle_seconds: int = 30) -> AsyncIterator[None]:
    """Somebody who appends and then stands still; at the end that is rolled back."""
    url = database.url()
    connection = await connect(lambda: url, name="test")
    await connection.execute(f"BEGIN; SET LOCAL idle_in_transaction_session_timeout = '{idle_seconds}s'")
    try:
        await statements.append(connection, [each.row for each in entries(records)], nonce=1)
        yield
    finally:
        connection.terminate()


@asynccontextmanager
async def opened(database: Database, *, port: int | None = None) -> AsyncIterator[Replica]:
    """A replica from its start to its end."""
    replica = Replica(PostgresLog(link(database, port=port), clock=ManualClock()))
    try:
        await replica.start()
        yield replica
    finally:
        await replica.log.close()


async def replayed(database: Database) -> EventStore:
    """What a replica that starts now finds."""
    async with opened(database) as replica:
        return replica.store


def same(first: EventStore, second: EventStore) -> bool:
    """Whether two stores hold the same."""
    return _held(first) == _held(second)


def _held(store: EventStore) -> Iterable[object]:
    return (
        fields(store.deployments),
        fields(store.incidents),
        store.cursors,
        store.tombstones,
        list(store.series_order),
    )
