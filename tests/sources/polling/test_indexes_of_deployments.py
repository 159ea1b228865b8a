"""Which deployments of a source went to one target."""

import asyncio

from tests.builders import HOUR_MS, NOW_MS, deployment
from tests.sources.memory_log import MemoryLog

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.records import Deletion
from dora_exporter.dora.store import EventStore
from dora_exporter.sources.polling import EventSink, Health, Indexes
from dora_exporter.sources.polling.indexes import Targets


def to_shop(number: int, **changes: object) -> Deployment:
    return deployment(
        **{"id": f"cd:{number}", "source": "cd", "started_at": NOW_MS + number, "upstream": {"target": "shop"}}
        | changes
    )


def ids(targets: Targets, source: str = "cd", target: str = "shop") -> list[str]:
    return [each.id for each in targets.newest_first(source, target)]


def test_what_is_held_and_what_comes_is_known_until_it_goes() -> None:
    store = EventStore()
    store.apply(to_shop(2))
    targets = Targets(store)
    for each in (to_shop(3), to_shop(1), to_shop(4, source="other"), to_shop(5, upstream={"target": "cart"})):
        store.apply(each)
    assert ids(targets) == ["cd:3", "cd:2", "cd:1"]
    store.apply(to_shop(1, started_at=NOW_MS + HOUR_MS))
    assert ids(targets) == ["cd:1", "cd:3", "cd:2"]
    for number in range(1, 6):
        store.apply(Deletion("deployment", f"cd:{number}", NOW_MS))
    assert targets.count == 0


def test_what_names_no_target_needs_no_place() -> None:
    store = EventStore()
    targets = Targets(store)
    for upstream in (None, {"ref": "main"}, {"target": 5}):
        store.apply(to_shop(1, upstream=upstream))
    assert targets.count == 0


async def test_what_a_checkpoint_holds_is_known_once_it_is_read() -> None:
    store = EventStore()
    indexes = Indexes(store)
    store.restore(deployments=[to_shop(1)])
    await indexes.load()
    assert ids(indexes.targets) == ["cd:1"]


async def test_what_it_was_not_told_is_known_once_it_reads_the_store_again() -> None:
    store = EventStore()
    targets = Targets(store)
    store.apply_all([to_shop(1), to_shop(2)])
    store.observers.remove(targets.observe)
    store.apply_all([Deletion("deployment", "cd:2", NOW_MS), to_shop(3)])
    await targets.renew()
    assert ids(targets) == ["cd:3", "cd:1"]


async def test_a_sink_knows_what_is_not_durable_yet() -> None:
    store = EventStore()
    log = MemoryLog(store.apply_all)
    store.apply_all([to_shop(1), to_shop(3)])
    sink = EventSink("cd", log=log, indexes=Indexes(store), health=Health(), in_flight={})
    log.may_commit.clear()
    await sink.write([to_shop(2), to_shop(3, version="v2"), to_shop(4, upstream=None)])
    assert [(each.id, each.version) for each in sink.deployments_to("shop")] == [
        ("cd:3", "v2"),
        ("cd:2", None),
        ("cd:1", None),
    ]
    log.may_commit.set()
    await asyncio.wait_for(sink.flush(), 5)
    assert [each.id for each in sink.deployments_to("shop")] == ["cd:3", "cd:2", "cd:1"]
