"""What follows the store is told of all changes, and reads the store again after it failed."""

import logging
from collections.abc import Sequence

import pytest
from tests.builders import deployment, incident

from dora_exporter.dora.changes import Change
from dora_exporter.dora.events import Checkout
from dora_exporter.dora.store import EventStore


class Ids:
    """Follows the ids of deployments; it raises at those that are ``poison``."""

    def __init__(self, store: EventStore, *poison: str) -> None:
        self.known: list[str] = []
        self.poison = set(poison)
        self.written_meanwhile: list[str] = []
        self._store = store
        store.observers.add(self.observe, self.renew)

    def observe(self, changes: Sequence[Change]) -> None:
        for _, after in changes:
            self._add(after.id if after else "")

    async def renew(self) -> None:
        self.known.clear()
        for each in list(self._store.deployments):
            self._add(each)
        for each in self.written_meanwhile:
            self._store.apply(deployment(id=each))
            assert each not in self.known

    def _add(self, event_id: str) -> None:
        if event_id in self.poison:
            raise RuntimeError("a defect")
        self.known.append(event_id)


async def test_an_observer_that_raised_reads_the_store_again(caplog: pytest.LogCaptureFixture) -> None:
    store = EventStore()
    ids = Ids(store, "b")
    for each in "abc":
        store.apply(deployment(id=each))
    ids.poison.clear()
    await store.observers.renew()
    assert ids.known == ["a", "b", "c"]
    assert store.observers.failures == 1
    assert "event observer renewed observer=Ids.observe" in caplog.text

    store.apply(deployment(id="d"))
    await store.observers.renew()
    assert ids.known == ["a", "b", "c", "d"]


async def test_an_observer_is_told_after_its_renewal_what_was_written_meanwhile() -> None:
    store = EventStore()
    ids = Ids(store, "a")
    store.apply(deployment(id="a"))
    ids.poison.clear()
    ids.written_meanwhile = ["b", "c"]
    await store.observers.renew()
    assert ids.known == ["a", "b", "c"]


async def test_an_observer_that_cannot_read_the_store_is_tried_again_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    store = EventStore()
    ids, others = Ids(store, "a"), Ids(store)
    store.apply(deployment(id="a"))
    await store.observers.renew()
    store.apply(deployment(id="b"))
    assert [each.getMessage() for each in caplog.records] == ["event observer failed observer=Ids.observe"]
    assert store.observers.failures == 2
    assert others.known == ["a", "b"]

    ids.poison.clear()
    await store.observers.renew()
    assert ids.known == ["a", "b"]


async def test_an_observer_that_never_raised_reads_nothing_again() -> None:
    store = EventStore()
    ids = Ids(store)
    ids.written_meanwhile = ["b"]
    store.apply(deployment(id="a"))
    await store.observers.renew()
    assert ids.known == ["a"]


async def test_an_observer_that_left_is_neither_told_nor_renewed() -> None:
    store = EventStore()
    ids = Ids(store, "a")
    store.apply(deployment(id="a"))
    store.observers.remove(ids.observe)
    ids.poison.clear()
    await store.observers.renew()
    store.apply(deployment(id="b"))
    assert ids.known == []


async def test_an_observer_without_a_way_to_read_the_store_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    store = EventStore()
    poison = {"a", "b", "d"}
    told = []

    def observe(changes: Sequence[Change]) -> None:
        for _, after in changes:
            if after and after.id in poison:
                raise RuntimeError("a defect")
            told.append(after and after.id)

    store.observers.add(observe)
    for each in "abc":
        store.apply(deployment(id=each))
    assert caplog.text.count("event observer failed") == 1
    await store.observers.renew()
    store.apply(deployment(id="d"))
    assert caplog.text.count("event observer failed") == 2
    assert told == ["c"]


def test_an_observer_of_what_is_linked_hears_of_no_deployment_that_names_nothing_else() -> None:
    store, heard = EventStore(), list[list[str]]()
    store.observers.add(lambda changes: heard.append([after.id for _, after in changes if after]), only_linked=True)
    store.apply(deployment(id="plain", version="v1", tags=("a:b",), team="crew"))
    linked = (
        deployment(id="of-a-commit", commit_sha="a" * 40),
        deployment(id="of-a-repository", repository="git.example/shop"),
        deployment(id="of-a-source", upstream={"target": "cluster"}),
        deployment(id="of-listed-commits", commits=()),
        deployment(id="of-others", further=(Checkout("git.example/shop", "b" * 40),)),
        incident(id="an-incident"),
    )
    store.apply_all((deployment(id="plain", version="v2"), *linked))
    assert heard == [[each.id for each in linked]]

    store.apply(deployment(id="of-a-commit"))
    assert heard[1:] == [["of-a-commit"]], "also of one that is linked no more"
