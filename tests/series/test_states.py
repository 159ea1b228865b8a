"""The state of a series: it is looked at when something is due, and its memory goes with it."""

import gc

import pytest
from tests.builders import HOUR_MS, NOW_MS, deployment, incident

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Appearances
from dora_exporter.dora.events import DAY_MS, Commit, Event
from dora_exporter.dora.failures.revert import Revert
from dora_exporter.dora.failures.rollback import Rollback
from dora_exporter.dora.groups import Groups
from dora_exporter.dora.store import EventStore
from dora_exporter.series.aggregates import Aggregates
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.membership import Membership, Teams
from dora_exporter.series.states import States

DEFINITIONS = Definitions(
    windows=(("30d", 30 * DAY_MS),), retention_ms=400 * DAY_MS, series_limit=100, rules=(Rollback(), Revert())
)


def test_a_forgotten_series_is_freed_without_a_search_for_garbage(request: pytest.FixtureRequest) -> None:
    store = EventStore()
    store.apply_all([deployment(id=str(number), version=f"1.{number % 2}", **change(number)) for number in range(5)])
    store.apply(deployment(id="found", version="1.0", source="apm"))
    store.apply(incident(started_at=NOW_MS - HOUR_MS))
    series, events = store.deployments["found"].series, [*store.deployments.values()]
    states = states_of(store)
    request.addfinalizer(gc.enable)
    gc.collect()
    gc.disable()
    for steps in (states.load(series, events, [*store.incidents.values()], NOW_MS), states.settle(series, NOW_MS)):
        list(steps)

    states.forget(series)

    assert gc.collect() == 0
    assert states.by_series == {}


def test_what_was_due_of_events_that_are_gone_is_due_once() -> None:
    store = EventStore()
    kept = deployment()
    gone: list[Event] = [deployment(id="failed", outcome="failed"), incident(started_at=NOW_MS - HOUR_MS)]
    store.apply_all([kept, *gone])
    states, series = states_of(store), kept.series
    list(states.load(series, [*store.deployments.values()], [*store.incidents.values()], NOW_MS))
    assert states.pop_unsettled() == series
    list(states.settle(series, NOW_MS))
    for event in gone:
        list(states.by_series[series].removing(event))

    long_after = NOW_MS + 2 * DEFINITIONS.retention_ms
    states.mark_due(long_after)
    assert states.pop_unsettled() == series
    list(states.settle(series, long_after))

    states.mark_due(long_after)
    assert states.pop_unsettled() is None


def states_of(store: EventStore) -> States:
    aggregates = Aggregates(
        appearances=Appearances(NO_CATALOGUE, store.series_order),
        series_limit=100,
        membership=Membership(Teams({}), Groups()),
    )
    return States(store, DEFINITIONS, aggregates)


def change(number: int) -> dict[str, object]:
    return {"finished_at": NOW_MS - number * HOUR_MS, "commits": (Commit(f"{number:040x}", NOW_MS - DAY_MS),)}
