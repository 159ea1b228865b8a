"""A database in the daemon: its maintenance."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.app.test_file_storage import uploads
from tests.builders import DAY_MS, NOW_MS, ManualClock, deployment
from tests.storage.postgresql.cluster import Database, cluster
from tests.storage.postgresql.logs import opened

from dora_exporter.app.replicated_storage import DatabaseStorage
from dora_exporter.app.settings import Settings
from dora_exporter.app.storage import Role
from dora_exporter.dora.changes import Outcome, WriteCounts
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.store import EventStore

pytestmark = pytest.mark.e2e


@pytest.fixture
def database() -> Iterator[Database]:
    with cluster() as started:
        yield started.create_database()


def kept(database: Database) -> list[str]:
    return database.sql("SELECT id FROM dora.log ORDER BY position")


async def test_the_leader_drops_what_is_too_old_and_compacts_the_log(database: Database, tmp_path: Path) -> None:
    store, gained = EventStore(), asyncio.Event()
    settings = Settings(store={"url": database.url()}, git={"path": tmp_path})
    storage = DatabaseStorage(settings, clock=ManualClock(), replay_seconds=lambda: None)

    async def lead() -> None:
        gained.set()

    async def follow() -> None:
        gained.clear()

    await storage.open()
    try:
        async for chunk in storage.replay():
            store.apply_all(chunk)
        await storage.start(store, WriteCounts())
        old = deployment(id="old", finished_at=NOW_MS - 20 * DAY_MS)
        await storage.log.append([old, *(deployment(id="new", version=str(number)) for number in range(3))])
        database.sql("UPDATE dora.head SET compacted_at = compacted_at - interval '25 hours'")
        database.sql("UPDATE dora.log SET at = at - interval '1 hour'")

        await storage.maintain(8 * DAY_MS)
        assert kept(database) == ["old", "new", "new", "new"]

        await storage.replication.join(Role(lead=lead, follow=follow, uploads=uploads(tmp_path), wake=lambda _: None))
        await asyncio.wait_for(gained.wait(), 15)
        await storage.maintain(8 * DAY_MS)
        assert list(store.deployments) == ["new"]
        assert kept(database) == ["old", "new", "old"]
    finally:
        await storage.replication.retire()
        await storage.close()


async def test_a_replica_that_starts_holds_what_was_written_while_it_read(database: Database, tmp_path: Path) -> None:
    store = EventStore()
    settings = Settings(store={"url": database.url()}, git={"path": tmp_path})
    storage = DatabaseStorage(settings, clock=ManualClock(), replay_seconds=lambda: None)
    await storage.open()
    try:
        async for chunk in storage.replay():
            store.apply_all(chunk)
        async with opened(database) as other:
            await other.log.append([deployment(id="meanwhile")])
        await storage.start(store, WriteCounts())
        assert list(store.deployments) == ["meanwhile"]
    finally:
        await storage.close()


async def test_a_replica_whose_past_is_no_more_knows_the_present_and_counts_its_own_writes(
    database: Database, tmp_path: Path
) -> None:
    """The database failed over to a copy that lacked the last row, and another replica wrote there."""
    store, writes = EventStore(), WriteCounts()
    settings = Settings(store={"url": database.url()}, git={"path": tmp_path})
    storage = DatabaseStorage(settings, clock=ManualClock(), replay_seconds=lambda: None)
    await storage.open()
    try:
        async for chunk in storage.replay():
            store.apply_all(chunk)
        store.observers.add(writes.observe)
        await storage.start(store, writes)
        await storage.log.append([deployment(id="kept"), deployment(id="lost")])
        database.sql("DELETE FROM dora.log WHERE id = 'lost'; UPDATE dora.head SET position = 1")
        async with opened(database) as other:
            await other.log.append([deployment(id="new"), deployment(id="newer")])
        await storage.log.catch_up()
        assert list(store.deployments) == ["kept", "new", "newer"]
        assert writes.now()[Deployment, "api", Outcome.CREATED] == 2
        assert writes.now()[Deployment, "api", Outcome.DELETED] == 0
    finally:
        await storage.close()
