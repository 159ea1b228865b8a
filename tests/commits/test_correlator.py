"""Commits that are told of images reach the deployments that brought them, whichever comes first."""

import asyncio
from collections.abc import Sequence
from itertools import permutations

import pytest
from msgspec.structs import replace
from tests.builders import NOW_MS, ManualClock, deployment
from tests.commits.worlds import MemoryLog, at_once

from dora_exporter.commits.correlator import Correlator
from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.correlations import image_keys, records
from dora_exporter.dora.event_log import Unavailable
from dora_exporter.dora.events import Checkout, Deployment
from dora_exporter.dora.images import image
from dora_exporter.dora.records import Cursor, Deletion, Record
from dora_exporter.dora.store import EventStore

IMAGE = "registry.example:5000/shop/checkout:v1"
SOURCE = Checkout("git.example/shop", "a" * 40)


class World:
    """A store, a log, and the correlator between them."""

    def __init__(self, store: EventStore | None = None) -> None:
        self.store = store or EventStore()
        self.log = MemoryLog(self.store.apply_all)
        self.correlator = Correlator(store=self.store, log=self.log, clock=ManualClock())
        self.store.observers.add(self.correlator.observe)
        self.store.cursors.observe(self.correlator.hear)
        at_once(self.correlator.load())

    def commit(self, event_id: str = "cd:1") -> tuple[str | None, str | None]:
        held = self.store.deployments[event_id]
        return held.repository, held.commit_sha


def shipped(**changes: object) -> Deployment:
    return deployment(**{"id": "cd:1", "source": "cd", "revision": 5, "upstream": {"images": [IMAGE]}} | changes)


def told(text: str = IMAGE) -> list[Cursor]:
    found = image(text)
    assert found is not None
    return records(image_keys(found), SOURCE, {}, now_ms=NOW_MS)


async def test_what_it_was_not_told_is_correlated_once_it_reads_the_store_again() -> None:
    world = World()
    world.store.apply(shipped(id="cd:gone"))
    world.store.observers.remove(world.correlator.observe)
    world.store.apply_all([Deletion("deployment", "cd:gone", NOW_MS), shipped(), *told()])
    await world.correlator.renew()
    await world.correlator.work()
    assert world.commit() == ("git.example/shop", "a" * 40)
    assert world.correlator.keys == 1


async def test_before_or_after_the_deployment_it_has_its_commit() -> None:
    written: list[list[Record]] = [[*told()], [shipped()], [*told("other:1")]]
    for order in permutations(written):
        world = World()
        for each in order:
            world.store.apply_all(each)
            await world.correlator.work()
        assert world.commit() == ("git.example/shop", "a" * 40)
        assert world.correlator.keys == 0
        assert len(world.log.records) == 1


async def test_what_was_told_while_it_was_away_is_found_at_the_start() -> None:
    store = EventStore()
    store.apply_all([shipped(), *told()])
    world = World(store)
    await world.correlator.work()
    assert world.commit() == ("git.example/shop", "a" * 40)


async def test_a_later_state_without_the_commit_gets_it_again() -> None:
    world = World()
    world.store.apply_all([shipped(), *told()])
    await world.correlator.work()
    world.store.apply(shipped(revision=6, outcome="failed"))
    await world.correlator.work()
    held = world.store.deployments["cd:1"]
    assert (held.revision, held.outcome, held.commit_sha) == (6, "failed", "a" * 40)


async def test_what_is_deleted_or_changed_is_waited_for_no_more() -> None:
    world = World()
    world.store.apply_all([shipped(), shipped(id="cd:2")])
    assert world.correlator.keys == 1
    world.store.apply(Deletion("deployment", "cd:2", NOW_MS))
    world.store.apply(shipped(upstream={"images": ["other:1"]}))
    assert world.correlator.keys == 1
    world.store.apply(shipped(commit_sha="b" * 40))
    assert world.correlator.keys == 0
    world.store.apply_all(told())
    await world.correlator.work()
    assert world.log.records == []


async def test_many_deployments_of_an_image_get_its_commit() -> None:
    world = World()
    world.store.apply_all([shipped(id=f"cd:{number}") for number in range(250)])
    world.store.apply_all(told())
    await world.correlator.work()
    assert {each.commit_sha for each in world.store.deployments.values()} == {"a" * 40}


async def test_what_cannot_be_stored_is_stored_later() -> None:
    world = World()
    world.store.apply_all([shipped(), *told()])
    world.log.is_broken = True
    with pytest.raises(Unavailable):
        await world.correlator.work()
    world.log.is_broken = False
    await world.correlator.work()
    assert world.commit() == ("git.example/shop", "a" * 40)


class ToldLog(MemoryLog):
    """A log that tells when it is asked."""

    asked = asyncio.Event()

    async def append(self, records: Sequence[Record]) -> list[Outcome]:
        """Tells once it has answered."""
        try:
            return await super().append(records)
        finally:
            self.asked.set()


async def test_it_works_in_the_background_and_says_once_that_it_cannot_store(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    store = EventStore()
    log = ToldLog(store.apply_all, is_broken=True)
    correlator = Correlator(store=store, log=log, clock=ManualClock())
    store.observers.add(correlator.observe)
    correlator.start()
    for number in range(2):
        store.apply_all([shipped(id=f"cd:{number}"), *told()])
        await asyncio.wait_for(log.asked.wait(), 10)
        log.asked.clear()
    log.is_broken = False
    store.apply(shipped(id="cd:2"))
    await asyncio.wait_for(log.asked.wait(), 10)
    await asyncio.sleep(0)
    await correlator.close()
    assert [each.partition(" reason")[0] for each in caplog.messages] == [
        "correlated commits not stored",
        "correlated commits are stored again",
    ]
    assert {each.commit_sha for each in store.deployments.values()} == {"a" * 40}


async def test_cursors_of_sources_are_no_concern_of_it() -> None:
    world = World()
    world.store.apply_all([shipped(), Cursor("cd/notes", {"a": 1}), Cursor("cd/notes")])
    await world.correlator.work()
    assert world.commit() == (None, None)


def test_a_state_that_is_told_again_keeps_a_revision_that_is_newer() -> None:
    store = EventStore()
    store.apply_all([shipped(revision=6), replace(shipped(), commit_sha="c" * 40)])
    assert store.deployments["cd:1"].commit_sha is None
