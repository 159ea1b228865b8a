"""A store takes over the state of another one, and says what changed on the way."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.builders import deployment, incident

from dora_exporter.dora.appearance_order import team_entry
from dora_exporter.dora.changes import Change, Outcome
from dora_exporter.dora.events import Deployment, Incident, Verdict
from dora_exporter.dora.records import Batch, Cursor, Deletion, Judgement, Record, SeriesOrder
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.postgresql.follower import become


def store_of(*events: Deployment | Incident) -> EventStore:
    """A store that holds these."""
    store = EventStore()
    store.apply_all(events)
    return store


async def test_a_store_becomes_another_one_and_tells_what_differs() -> None:
    same, changed = deployment(id="same"), deployment(id="changed", version="2")
    store = store_of(same, deployment(id="changed", version="1"), deployment(id="gone"), incident(id="gone"))
    other = store_of(same, changed, deployment(id="new", service="till"), incident(id="new"))
    other.apply(Cursor("pagerduty", {"since": 5}))
    told: list[Change] = []
    store.observers.add(told.extend)
    expected = {(each.id, type(each)) for each in (changed, deployment(id="gone"), incident(id="gone"))}
    expected |= {("new", Deployment), ("new", Incident)}

    await become(store, other)

    assert dict(store.deployments) == dict(other.deployments)
    assert (store.incidents, store.cursors) == (other.incidents, other.cursors)
    assert {*other.series_order} <= {*store.series_order}
    events = [after or before for before, after in told]
    assert {(each.id, type(each)) for each in events if each} == expected
    assert len(told) == len(expected)
    assert {after.id for _, after in told if after} == {"changed", "new"}


async def test_a_store_becomes_a_big_one_in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dora_exporter.runtime.cooperative.TURN_SECONDS", 0)
    other = store_of(*(deployment(id=f"{number}") for number in range(9000)))
    store, told = store_of(), list[int]()

    def count(changes: Sequence[Change]) -> None:
        told.append(len(changes))

    store.observers.add(count)
    becoming, told_before = asyncio.create_task(become(store, other)), 0
    while not becoming.done():
        await asyncio.sleep(0)
        assert sum(told) - told_before <= 2000
        told_before = sum(told)
    await becoming
    assert len(told) == 0 or max(told) <= 2000
    assert sum(told) == len(store.deployments) == 9000


async def test_cursors_are_told_of_when_they_are_written_removed_and_taken_over() -> None:
    store, other = EventStore(), EventStore()
    told: list[str] = []
    store.cursors.observe(told.append)
    store.apply_all([Cursor("a", {"x": 1}), Cursor("a")])
    other.apply(Cursor("b", {"x": 2}))
    await become(store, other)
    store.cursors.ignore(told.append)
    store.apply(Cursor("c", {}))
    assert told == ["a", "a", "b"]
    assert store.cursors == {"b": {"x": 2}, "c": {}}


def test_an_event_of_the_reserved_name_is_held_under_another_one() -> None:
    store = store_of(
        deployment(id="d", service="_other", environment="_other", team="_other"),
        deployment(id="e", service="till", environment="_other"),
        incident(id="i", services=("_other", "till"), environment="_other", team="_other"),
    )
    store.apply(SeriesOrder((("_other", "production"), ("_other", "_other"))))

    assert [(each.service, each.environment, each.team) for each in store.deployments.values()] == [
        ("_other_", "_other_", "_other_"),
        ("till", "_other_", None),
    ]
    held = store.incidents["i"]
    assert (held.services, held.environment, held.team) == (("_other_", "till"), "_other_", "_other_")
    assert list(store.series_order) == [
        ("_other_", "_other_"),
        team_entry("_other_", "_other_"),
        ("till", "_other_"),
        ("_other_", "production"),
    ]


def test_an_incident_of_the_reserved_name_and_of_its_stand_in_names_one_service() -> None:
    store = store_of(incident(id="i", services=("_other", "_other_", "a")))

    assert store.incidents["i"].services == ("_other_", "a")


def test_an_observer_that_raises_keeps_no_other_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    store = EventStore()
    told: list[Change] = []

    def fail(_: Sequence[Change]) -> None:
        raise RuntimeError("a defect")

    store.observers.add(fail)
    store.observers.add(told.extend)
    assert store.apply(deployment(id="a")) == [Outcome.CREATED]
    assert [after and after.id for _, after in told] == ["a"]
    assert "event observer failed" in caplog.text


def test_a_record_that_meets_a_defect_stops_none_of_the_others() -> None:
    store = EventStore()
    told: list[Change] = []
    store.observers.add(told.extend)
    broken = incident(id="broken", services=(["no name"],))
    records: list[Record] = [deployment(id="a"), Batch((broken, deployment(id="b"))), broken, deployment(id="c")]
    with pytest.raises(TypeError):
        store.apply_all(records)
    assert list(store.deployments) == ["a", "b", "c"]
    assert store.incidents == {}
    assert [after and after.id for _, after in told] == ["a", "b", "c"]


def test_a_verdict_survives_that_its_deployment_is_sent_again() -> None:
    store = store_of(deployment(id="d", version="v1"))
    store.apply(Judgement("d", Verdict(change_failure=True)))
    store.apply(deployment(id="d", version="v2"))
    held = store.deployments["d"]
    assert (held.version, held.verdict) == ("v2", Verdict(change_failure=True))


def test_of_each_record_the_outcome_is_told_also_where_a_newer_one_is_held() -> None:
    store = EventStore()
    held, late = deployment(id="a", revision=2, version="new"), deployment(id="a", revision=1, version="old")
    trouble = incident(id="b", source="pd", revision=2)
    gone = Deletion("incident", "b", 1, "pd")
    assert store.apply_all([held, late, trouble, incident(id="b", source="pd", revision=1)]) == [
        Outcome.CREATED,
        Outcome.UNCHANGED,
        Outcome.CREATED,
        Outcome.UNCHANGED,
    ]
    assert store.deployments["a"].version == "new"
    assert store.apply_all([gone, trouble, gone, Judgement("none", Verdict(change_failure=True))]) == [
        Outcome.DELETED,
        Outcome.UNCHANGED,
        Outcome.UNCHANGED,
        Outcome.UNCHANGED,
    ]
