"""Writes of a source on their way into the log."""

import asyncio

import pytest
from msgspec.structs import replace
from tests.builders import deployment, fields, incident
from tests.sources.memory_log import MemoryLog, replayed

from dora_exporter.dora.event_log import Unavailable
from dora_exporter.dora.events import Event, Verdict
from dora_exporter.dora.records import Deletion, Judgement
from dora_exporter.dora.store import EventStore
from dora_exporter.sources.polling import Health, Indexes, OpenIncidents
from dora_exporter.sources.polling.sink import EventSink


class Place:
    """A source's sinks, and what is behind them."""

    def __init__(self) -> None:
        self.store = EventStore()
        self.log = MemoryLog(self.store.apply_all)
        self.health = Health()
        self.in_flight: dict[str, Event] = {}

    def sink(self) -> EventSink:
        return EventSink(
            "pd",
            log=self.log,
            indexes=Indexes(self.store),
            health=self.health,
            in_flight=self.in_flight,
        )

    @property
    def items(self) -> dict[str, int]:
        return {outcome: count for outcome, count in self.health.items.items() if count}


async def test_what_is_under_way_is_seen_by_all_sinks_and_counted_when_durable() -> None:
    place = Place()
    place.log.may_commit.clear()
    poll, webhook = place.sink(), place.sink()
    first = incident(id="pd:1", source="pd")
    await poll.write([first])
    assert fields(webhook.incident("pd:1")) == fields(first)
    assert place.items == {}
    await webhook.write([replace(first, environment="staging")])
    assert fields(poll.incident("pd:1")) == fields(replace(first, environment="staging"))
    place.log.may_commit.set()
    await poll.flush()
    await webhook.flush()
    assert place.store.incidents["pd:1"].environment == "staging"
    assert place.items == {"created": 1, "updated": 1}
    assert place.in_flight == {}


async def test_a_state_that_is_held_is_written_again_while_another_is_under_way() -> None:
    place = Place()
    sink = place.sink()
    first = incident(id="pd:1", source="pd")
    await sink.write([first])
    await sink.flush()
    place.log.may_commit.clear()
    await sink.write([replace(first, environment="staging")])
    writing = asyncio.create_task(sink.write([first]))
    await asyncio.sleep(0)
    place.log.may_commit.set()
    await writing
    await sink.flush()
    assert fields(place.store.incidents["pd:1"]) == fields(first)


async def test_a_third_write_waits_for_the_first() -> None:
    place = Place()
    place.log.may_commit.clear()
    sink = place.sink()
    await sink.write([incident(id="pd:1", source="pd")])
    writing = asyncio.create_task(sink.write([incident(id="pd:2", source="pd")]))
    await asyncio.sleep(0)
    assert not writing.done()
    place.log.may_commit.set()
    await writing
    await sink.flush()
    assert place.items == {"created": 2}


async def test_a_refused_write_fails_the_next_step_and_leaves_nothing_under_way() -> None:
    place = Place()
    place.log.fails_next = 1
    sink = place.sink()
    await sink.write([incident(id="pd:1", source="pd")])
    with pytest.raises(Unavailable):
        await sink.write([incident(id="pd:2", source="pd")])
    await sink.abandon()
    assert list(place.store.incidents) == ["pd:2"]
    assert place.items == {"created": 1}
    assert place.in_flight == {}


async def test_a_pass_that_failed_ends_when_its_last_write_has() -> None:
    place = Place()
    place.log.may_commit.clear()
    sink = place.sink()
    await sink.write([incident(id="pd:1", source="pd")])
    ending = asyncio.create_task(sink.abandon())
    await asyncio.sleep(0)
    assert not ending.done()
    place.log.may_commit.set()
    await ending
    assert place.items == {"created": 1}


async def test_a_writer_that_is_cancelled_leaves_its_write_to_end() -> None:
    place = Place()
    place.log.may_commit.clear()
    sink = place.sink()
    await sink.write([incident(id="pd:1", source="pd")])
    flushing = asyncio.create_task(sink.flush())
    await asyncio.sleep(0)
    flushing.cancel()
    await asyncio.wait([flushing])
    place.log.may_commit.set()
    await place.log.append([])
    await asyncio.sleep(0)
    assert place.items == {"created": 1}


async def test_what_a_person_deleted_or_judged_is_not_written_for_nothing() -> None:
    place = Place()
    sink = place.sink()
    polled = deployment(id="pd:d", source="pd")
    await sink.write([polled, incident(id="pd:1", source="pd")])
    await sink.flush()
    verdict = Judgement("pd:d", Verdict(change_failure=True))
    await place.log.append([verdict, Deletion("incident", "pd:1", 1, "pd"), Deletion("deployment", "pd:e", 1, "pd")])
    written = len(place.log.lines)
    await sink.write([polled, incident(id="pd:1", source="pd"), deployment(id="pd:e", source="pd")])
    assert len(place.log.lines) == written
    assert place.items == {"created": 2, "unchanged": 3}


async def test_others_have_their_turn_while_what_is_held_of_the_source_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dora_exporter.runtime.cooperative.TURN_SECONDS", 0)
    place = Place()
    await place.log.append([deployment(id=f"pd:{number}", source="pd") for number in range(2000)])
    looking = asyncio.create_task(place.sink().deployments())
    turns = 0
    while not looking.done():
        await asyncio.sleep(0)
        turns += 1
    assert len(looking.result()) == 2000
    assert turns > 3


async def test_what_is_held_of_the_source_can_be_looked_at() -> None:
    place = Place()
    sink = place.sink()
    ours, closed = incident(id="pd:1", source="pd"), incident(id="pd:2", source="pd", finished_at=2_000_000_000_000)
    left_out = incident(id="pd:3", source="pd", services=())
    others: list[Event] = [
        incident(id="x", source="api"),
        deployment(id="y", source="api"),
        deployment(id="pd:4", source="pd"),
    ]
    await place.log.append([ours, closed, left_out, *others])
    assert [each.id async for each in sink.incidents()] == ["pd:1", "pd:2", "pd:3"]
    assert [each.id for each in await sink.deployments()] == ["pd:4"]
    assert fields(list(sink.open_incidents())) == fields([ours])
    assert sink.deployment("pd:4") is not None
    assert sink.deployment("pd:5") is None


async def test_a_note_is_kept_beside_the_memory() -> None:
    place = Place()
    sink = place.sink()
    assert sink.noted() == {}
    await sink.write([sink.note({"services": {"P1": ["shop", None, 1]}})])
    await sink.flush()
    assert sink.noted() == {"services": {"P1": ["shop", None, 1]}}
    assert replayed(place.log.lines).cursors == {"pd/notes": sink.noted()}


def test_open_incidents_follow_the_store() -> None:
    store = EventStore()
    first = incident(id="pd:1", source="pd")
    store.apply(first)
    following = OpenIncidents(store)
    assert following.count("pd") == 1
    store.apply(replace(first, finished_at=first.started_at + 1))
    assert following.count("pd") == 0
    store.apply(first)
    store.apply(replace(first, source="other"))
    assert (following.count("pd"), following.count("other")) == (0, 1)
    store.apply(Deletion("incident", "pd:1", 1))
    assert list(following.of("other")) == []


async def test_texts_are_held_within_their_bounds_and_counted_when_they_are_written() -> None:
    place = Place()
    sink = place.sink()
    long = incident(id="pd:1", source="pd", services=("a\x00" + "b" * 300,), team="_other")
    for _ in range(2):
        await sink.write([long])
        await sink.flush()
    held = place.store.incidents["pd:1"]
    assert (held.services, held.team) == (("a\ufffd" + "b" * 198,), "_other_")
    assert place.health.names_changed == {"cut": 1, "replaced": 1, "renamed": 1, "dropped": 0}
    assert place.items == {"created": 1, "unchanged": 1}


async def test_an_event_whose_id_is_no_id_is_left_out_and_counted() -> None:
    place = Place()
    sink = place.sink()
    bad = [incident(id="pd:" + "x" * 126, source="pd"), incident(id="pd:\n", source="pd")]
    await sink.write([*bad, incident(id="pd:" + "x" * 125, source="pd")])
    await sink.flush()
    assert list(place.store.incidents) == ["pd:" + "x" * 125]
    assert place.items == {"created": 1, "quarantined": 2}
