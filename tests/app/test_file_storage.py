"""A snapshot file in the daemon: its maintenance, and what stands for other replicas."""

from pathlib import Path

import pytest
from tests.builders import DAY_MS, NOW_MS, ManualClock, deployment

from dora_exporter.app.replicated_storage import DatabaseStorage
from dora_exporter.app.settings import Settings
from dora_exporter.app.storage import FileStorage, Replication, Role, Storage
from dora_exporter.commits.git.command import Git
from dora_exporter.commits.git.repositories import Repositories
from dora_exporter.commits.git.uploads import Uploads
from dora_exporter.commits.settings import GitSettings
from dora_exporter.dora.changes import WriteCounts
from dora_exporter.dora.event_log import Unavailable
from dora_exporter.dora.store import EventStore


def uploads(folder: Path) -> Uploads:
    git = Git()
    repositories = Repositories(folder, configured={}, settings=GitSettings(), git=git, with_trees=False)
    return Uploads(repositories=repositories, git=git, max_repository_bytes=1)


async def test_what_is_too_old_goes_when_a_compaction_is_due_and_not_before(tmp_path: Path) -> None:
    clock, store = ManualClock(), EventStore()
    settings = Settings(snapshot={"path": tmp_path / "events"})
    storage = FileStorage(settings, clock=clock, replay_seconds=lambda: None)
    await storage.open()
    try:
        async for chunk in storage.replay():
            store.apply_all(chunk)
        await storage.start(store, WriteCounts())
        await storage.log.append([deployment(id=f"d{day}", finished_at=NOW_MS - day * DAY_MS) for day in (1, 9, 20)])

        await storage.maintain(8 * DAY_MS)
        assert list(store.deployments) == ["d1", "d9", "d20"]
        assert storage.log.statistics().last_compaction_ms is None

        clock.advance(DAY_MS)
        await storage.maintain(8 * DAY_MS)
        assert list(store.deployments) == ["d1", "d9"]
        assert storage.log.statistics().last_compaction_ms == NOW_MS + DAY_MS
    finally:
        await storage.close()


async def test_a_process_with_a_file_leads_at_once_and_writes_to_its_only_log(tmp_path: Path) -> None:
    settings = Settings(snapshot={"path": tmp_path / "events"})
    storage = FileStorage(settings, clock=ManualClock(), replay_seconds=lambda: None)
    told: list[str] = []

    async def lead() -> None:
        told.append("lead")

    async def follow() -> None:
        told.append("follow")

    replication: Replication = storage.replication
    await replication.join(Role(lead=lead, follow=follow, uploads=uploads(tmp_path), wake=told.append))

    assert told == ["lead"]
    assert replication.leads
    assert replication.leader_log is storage.log
    assert (replication.share, list(replication.middlewares)) == (None, [])


async def test_a_replica_does_not_lead_before_it_has_the_lease(tmp_path: Path) -> None:
    settings = Settings(store={"url": "postgresql://nobody@localhost:1/none"}, git={"path": tmp_path})
    storage: Storage = DatabaseStorage(settings, clock=ManualClock(), replay_seconds=lambda: None)

    assert not storage.replication.leads
    with pytest.raises(Unavailable, match="another replica is the leader"):
        await storage.replication.leader_log.append([deployment(id="a")])
    assert storage.replication.share is not None
