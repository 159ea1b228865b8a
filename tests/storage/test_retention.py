"""What retention drops, and that no clock makes it drop more."""

import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

import pytest
from tests.builders import NOW_MS, ManualClock, deployment, incident

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.catalogue.spellings import Entry
from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.events import DAY_MS, Event
from dora_exporter.dora.records import Deletion, Record
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.retention import Horizon, forget

RETENTION_MS = 400 * DAY_MS
OLD_MS = NOW_MS - RETENTION_MS - 5 * DAY_MS
RENAMED = Catalogue(services=(Entry("checkout", aliases=("till",)),))


@dataclass
class Log:
    """A log in memory; ``meanwhile`` is committed before the first append."""

    store: EventStore = field(default_factory=EventStore)
    meanwhile: Sequence[Record] = ()
    records: list[Record] = field(default_factory=list)

    def append(self, records: Sequence[Record]) -> Awaitable[list[Outcome]]:
        """Commits and applies at once."""
        self.store.apply_all(self.meanwhile)
        self.meanwhile = ()
        self.records += records
        return answered(self.store.apply_all(records))


async def answered(outcomes: list[Outcome]) -> list[Outcome]:
    return outcomes


def holding(*events: Event) -> Log:
    log = Log()
    log.store.apply_all(events)
    return log


async def left(log: Log, catalogue: Catalogue = NO_CATALOGUE) -> set[str]:
    """The ids that are left of what is held."""
    await forget(log.store, log, oldest_ms=NOW_MS - RETENTION_MS, now_ms=NOW_MS, catalogue=catalogue)
    return {*log.store.deployments, *log.store.incidents}


async def test_old_events_go_but_neither_open_incidents_nor_the_last_deployment_of_a_series(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="dora_exporter.storage.retention")
    log = holding(
        deployment(id="old", finished_at=OLD_MS),
        deployment(id="recent"),
        deployment(id="last of another", service="quiet", finished_at=OLD_MS),
        deployment(id="last but one", service="quiet", finished_at=OLD_MS - 4 * DAY_MS),
        deployment(id="attempt", service="never", finished_at=OLD_MS, outcome="failed"),
        deployment(id="attempt after the last", service="quiet", finished_at=OLD_MS + 1, outcome="canceled"),
        deployment(id="recent attempt", service="quiet", outcome="canceled"),
        incident(id="open", started_at=OLD_MS),
        incident(id="closed", started_at=OLD_MS - 1, finished_at=OLD_MS),
        incident(id="closed in time", started_at=OLD_MS - 1, finished_at=NOW_MS - RETENTION_MS),
    )
    assert await left(log) == {"recent", "recent attempt", "last of another", "open", "closed in time"}
    assert caplog.messages == ["expired events dropped events=5"]


async def test_the_last_deployment_stays_under_each_name_that_was_sent() -> None:
    log = holding(
        deployment(id="last till", service="till", finished_at=OLD_MS),
        deployment(id="old till", service="till", finished_at=OLD_MS - 9 * DAY_MS),
        deployment(id="checkout"),
    )
    assert await left(log, RENAMED) == {"last till", "checkout"}


async def test_what_may_be_the_report_of_a_deployment_of_another_name_stays() -> None:
    log = holding(
        deployment(id="ahead", service="till", started_at=OLD_MS + DAY_MS, finished_at=NOW_MS + 1),
        deployment(id="last", finished_at=OLD_MS),
        deployment(id="last but one", finished_at=OLD_MS - 9 * DAY_MS),
    )
    assert await left(log, RENAMED) == {"ahead", "last", "last but one"}
    assert await left(log) == {"ahead", "last"}


async def test_a_deployment_ahead_of_the_clock_is_not_yet_the_last_of_its_series() -> None:
    log = holding(deployment(id="old", finished_at=OLD_MS), deployment(id="ahead", finished_at=NOW_MS + 1))
    assert await left(log) == {"old", "ahead"}


async def test_the_report_of_a_deployment_ahead_of_the_clock_is_not_yet_the_last_of_its_series() -> None:
    log = holding(
        deployment(id="old", finished_at=OLD_MS),
        deployment(id="found", finished_at=NOW_MS - DAY_MS // 2),
        deployment(id="ahead", finished_at=NOW_MS + 1),
    )
    assert await left(log) == {"old", "found", "ahead"}


async def test_more_than_one_append_drops_everything_that_is_old() -> None:
    many = [deployment(id=f"d{number}", finished_at=OLD_MS - 3 * number * DAY_MS) for number in range(1202)]
    log = holding(*many)
    assert await left(log) == {"d0"}


async def test_what_was_written_anew_meanwhile_stays() -> None:
    log = holding(deployment(id="corrected", finished_at=OLD_MS), deployment(id="recent"))
    log.meanwhile = [deployment(id="corrected", finished_at=NOW_MS - RETENTION_MS)]
    assert await left(log) == {"corrected", "recent"}


async def test_the_last_deployment_stays_when_the_one_after_it_goes_meanwhile() -> None:
    many = [deployment(id=f"d{number}", finished_at=OLD_MS - 3 * number * DAY_MS) for number in reversed(range(600))]
    log = holding(*many, deployment(id="recent"))
    log.meanwhile = [Deletion("deployment", "recent", NOW_MS)]
    assert "d0" in await left(log)


async def test_another_report_of_the_last_deployment_stays_with_it() -> None:
    sent = deployment(id="sent", version="1", started_at=OLD_MS - 9, finished_at=OLD_MS - 2)
    found = deployment(id="apm:1", version="1", source="apm", started_at=OLD_MS - 3, finished_at=OLD_MS)
    assert await left(holding(sent, found)) == {"sent", "apm:1"}


async def test_observers_are_told_what_retention_dropped() -> None:
    log = holding(deployment(id="old", finished_at=OLD_MS), deployment(id="recent"))
    told: list[tuple[str | None, set[str]]] = []
    log.store.observers.add(
        lambda changes: told.extend((before.id if before else None, set(log.store.expired)) for before, _ in changes)
    )
    await left(log)
    assert told == [("old", {"old"})]
    assert log.store.expired == set()


async def test_a_polled_event_that_was_dropped_leaves_no_tombstone() -> None:
    log = holding(incident(id="pd:1", source="pd", started_at=OLD_MS, finished_at=OLD_MS))
    assert await left(log) == set()
    assert not log.store.tombstones
    log.store.apply(incident(id="pd:1", source="pd"))
    assert "pd:1" in log.store.incidents


async def test_a_replay_of_the_records_leaves_the_same() -> None:
    log = holding(deployment(id="old", finished_at=OLD_MS), deployment(id="recent"))
    await left(log)
    again = holding(deployment(id="old", finished_at=OLD_MS), deployment(id="recent"))
    again.store.apply_all(log.records)
    assert [*again.store.deployments] == [*log.store.deployments] == ["recent"]
    assert all(isinstance(each, Deletion) for each in log.records)


class Steady:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


async def horizon_after(
    *, held: Sequence[Event] = (), later: Sequence[Event] = (), jump_ms: int = 0, seconds: float = 0
) -> int:
    """The horizon of a daemon that started with ``held`` at ``NOW_MS``, in milliseconds beyond that."""
    clock, steady, store = ManualClock(), Steady(), EventStore()
    store.apply_all(held)
    horizon = Horizon(clock, elapsed=steady)
    await horizon.begin(store)
    store.apply_all(later)
    clock.advance(jump_ms)
    steady.seconds += seconds
    return await horizon.now_ms(store) - NOW_MS


RECENT = deployment(id="recent", finished_at=NOW_MS - 1000)


@pytest.mark.parametrize("jump_ms", [1, DAY_MS, 500 * DAY_MS])
async def test_a_clock_that_jumps_ahead_moves_it_no_further_than_the_events(jump_ms: int) -> None:
    assert await horizon_after(held=[RECENT], jump_ms=jump_ms) == -1000


async def test_an_event_that_a_wrong_clock_let_in_moves_it_no_faster_than_time_passes() -> None:
    wrong = deployment(id="wrong", finished_at=NOW_MS + 500 * DAY_MS)
    assert await horizon_after(held=[RECENT], later=[wrong], jump_ms=500 * DAY_MS, seconds=3) <= 2000


async def test_it_follows_events_as_fast_as_time_passes() -> None:
    later = deployment(id="later", finished_at=NOW_MS + 1500)
    assert await horizon_after(held=[RECENT], later=[later], jump_ms=3000, seconds=3) == 1500


async def test_a_clock_that_is_wrong_from_the_start_moves_it_no_further_than_the_events() -> None:
    old = deployment(id="the latest", finished_at=NOW_MS - 500 * DAY_MS)
    assert await horizon_after(held=[old], jump_ms=1000, seconds=1) == -500 * DAY_MS


async def test_what_was_dated_by_our_own_clock_when_it_was_seen_moves_nothing() -> None:
    seen = deployment(id="apm:1", source="apm", started_at=NOW_MS - 5, finished_at=NOW_MS - 5)
    assert await horizon_after(held=[RECENT, seen]) == -1000


async def test_a_clock_that_is_behind_holds_it_back() -> None:
    old = deployment(id="old", finished_at=NOW_MS - 50 * DAY_MS)
    assert await horizon_after(held=[RECENT, old], jump_ms=-DAY_MS) == -50 * DAY_MS


async def test_an_empty_store_counts_from_the_clock_of_the_start() -> None:
    assert await horizon_after(jump_ms=DAY_MS, seconds=2) == 2000


@pytest.mark.parametrize(
    "event",
    [incident(id="i", started_at=NOW_MS - 9), deployment(id="d", finished_at=NOW_MS - 9)],
    ids=["incident", "deployment"],
)
async def test_events_of_both_kinds_vouch(event: Event) -> None:
    assert await horizon_after(held=[event]) == -9
