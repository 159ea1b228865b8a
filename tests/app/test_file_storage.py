"""What is done with a snapshot file from time to time."""

from pathlib import Path

from tests.builders import DAY_MS, NOW_MS, ManualClock, deployment

from dora_exporter.app.settings import Settings
from dora_exporter.app.storage import FileStorage
from dora_exporter.app.telemetry.events import EventCounts
from dora_exporter.dora.store import EventStore


async def test_what_is_too_old_goes_when_a_compaction_is_due_and_not_before(tmp_path: Path) -> None:
    clock, store = ManualClock(), EventStore()
    settings = Settings(snapshot={"path": tmp_path / "events"})
    storage = FileStorage(settings, clock=clock, replay_seconds=lambda: None)
    await storage.open()
    try:
        async for chunk in storage.replay():
            store.apply_all(chunk)
        await storage.start(store, EventCounts())
        await storage.log.append([deployment(id=f"d{day}", finished_at=NOW_MS - day * DAY_MS) for day in (1, 9, 20)])

        await storage.maintain(8 * DAY_MS)
        assert list(store.deployments) == ["d1", "d9", "d20"]
        assert storage.log.statistics.last_compaction_ms is None

        clock.advance(DAY_MS)
        await storage.maintain(8 * DAY_MS)
        assert list(store.deployments) == ["d1", "d9"]
        assert storage.log.statistics.last_compaction_ms == NOW_MS + DAY_MS
    finally:
        await storage.close()
