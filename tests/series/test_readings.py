"""What the engine hold of the events beside the store."""

import gc

from tests.builders import NOW_MS, incident

from dora_exporter.dora.events import DAY_MS
from dora_exporter.dora.store import EventStore
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine

INCIDENTS = 500


def tracked_after_update(engine: Engine) -> int:
    """How many objects the garbage collector looks at, once all writes are taken over."""
    while not engine.update(NOW_MS):
        pass
    gc.collect()
    return len(gc.get_objects())


async def test_an_incident_is_no_more_work_for_the_garbage_collector() -> None:
    store = EventStore()
    week = ("7d", 7 * DAY_MS)
    engine = Engine(store, Definitions(windows=(week,), retention_ms=400 * DAY_MS, series_limit=10))
    await engine.load(NOW_MS)
    store.apply(incident(id="first", started_at=NOW_MS - DAY_MS, finished_at=NOW_MS - 1))
    before = tracked_after_update(engine)
    for number in range(INCIDENTS):
        store.apply(incident(id=f"{number}", started_at=NOW_MS - DAY_MS + number, finished_at=NOW_MS - 1))
    assert tracked_after_update(engine) - before < INCIDENTS / 5
