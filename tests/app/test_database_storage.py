"""A database in the daemon: its maintenance."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.app.test_file_storage import uploads
from tests.builders import DAY_MS, NOW_MS, ManualClock, deployment
from tests.commits.histories import build, linear, pack_of
from tests.storage.postgresql.cluster import Database, cluster
from tests.storage.postgresql.logs import link, opened
from tests.storage.postgresql.waiting import until

from dora_exporter.app.replicated_storage import DatabaseStorage
from dora_exporter.app.settings import Settings
from dora_exporter.app.storage import Role
from dora_exporter.commits.git.command import Git
from dora_exporter.commits.git.repositories import Repositories
from dora_exporter.commits.git.uploads import Uploads
from dora_exporter.commits.settings import GitSettings
from dora_exporter.dora.changes import Outcome, WriteCounts
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.postgresql.pack_exchange import PackExchange

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


@asynccontextmanager
async def replayed(database: Database, tmp_path: Path, store: EventStore) -> AsyncIterator[DatabaseStorage]:
    """The storage of a replica that has read the log into its store, and does not follow it yet."""
    settings = Settings(store={"url": database.url()}, git={"path": tmp_path})
    storage = DatabaseStorage(settings, clock=ManualClock(), replay_seconds=lambda: None)
    await storage.open()
    try:
        async for chunk in storage.replay():
            store.apply_all(chunk)
        yield storage
    finally:
        await storage.close()


async def test_a_replica_that_starts_holds_what_was_written_while_it_read(database: Database, tmp_path: Path) -> None:
    store = EventStore()
    async with replayed(database, tmp_path, store) as storage:
        async with opened(database) as other:
            await other.log.append([deployment(id="meanwhile")])
        await storage.start(store, WriteCounts())
        assert list(store.deployments) == ["meanwhile"]


async def test_a_replica_whose_past_is_no_more_knows_the_present_and_counts_its_own_writes(
    database: Database, tmp_path: Path
) -> None:
    """The database failed over to a copy that lacked the last row, and another replica wrote there."""
    store, writes = EventStore(), WriteCounts()
    async with replayed(database, tmp_path, store) as storage:
        store.observers.add(writes.observe)
        await storage.start(store, writes)
        await storage.log.append([deployment(id="kept"), deployment(id="lost")])
        database.sql("DELETE FROM dora.log WHERE id = 'lost'; UPDATE dora.head SET position = 1")
        async with opened(database) as other:
            await other.log.append([deployment(id="new"), deployment(id="newer")])
        await storage.log.catch_up()
        assert list(store.deployments) == ["kept", "new", "newer"]
        assert writes.now()[Deployment, "api", Outcome.CREATED] == 2
        await storage.log.append([deployment(id="own")])
        async with opened(database) as other:
            await other.log.append([deployment(id="of another")])
        await storage.log.catch_up()
        assert writes.now()[Deployment, "api", Outcome.CREATED] == 3
        await storage.log.append([deployment(id="own again")])
        assert writes.now()[Deployment, "api", Outcome.CREATED] == 4
        assert writes.now()[Deployment, "api", Outcome.DELETED] == 0


REPOSITORY = "git.example/shop/checkout"


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("none", []),
        (
            "it is larger than it may be",
            [
                f"shared pack rejected repository={REPOSITORY} reason=the repository would be larger than 9 bytes",
            ],
        ),
        (
            "a file has its place",
            [f"shared pack not imported yet repository={REPOSITORY} reason=[Errno 20] Not a directory"],
        ),
    ],
)
async def test_a_pack_that_another_replica_received_is_imported_or_it_is_told_why_not(
    database: Database, tmp_path: Path, trouble: str, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    shas = build(tmp_path / "shop", linear(2))
    (tmp_path / "pack-a.pack").write_bytes(pack_of(tmp_path / "shop", shas[1:]))
    git, folder = Git(), tmp_path / "git"
    repositories = Repositories(folder, configured={}, settings=GitSettings(), git=git, with_trees=False)
    room = 9 if trouble.startswith("it is larger") else 1 << 30
    receiving = Uploads(repositories=repositories, git=git, max_repository_bytes=room)
    folder.mkdir()
    if trouble.startswith("a file"):
        repositories.folder_of(REPOSITORY).write_text("")
    settings = Settings(store={"url": database.url()}, git={"path": folder})
    storage = DatabaseStorage(settings, clock=ManualClock(), replay_seconds=lambda: None)
    giver = PackExchange(link(database), link(database), folder=tmp_path / "giver")
    woken: list[str] = []

    async def change() -> None:
        """Nothing is to be done."""

    await storage.open()
    await giver.share(REPOSITORY, shas[1], tmp_path / "pack-a.pack")
    await giver.close()
    try:
        await storage.replication.join(Role(lead=change, follow=change, uploads=receiving, wake=woken.append))
        await asyncio.to_thread(until, lambda: woken or caplog.messages)
    finally:
        await storage.replication.retire()
        await storage.close()
        await receiving.workers.close()
    assert [each.partition(": '")[0] for each in caplog.messages] == said
    assert woken == ([] if said else [REPOSITORY])
    assert receiving.known(REPOSITORY, shas) == ([] if said else shas)
    assert not list(folder.glob("upload-*"))
