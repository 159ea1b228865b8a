"""The memory of a series goes with it."""

import gc

import pytest
from tests.builders import HOUR_MS, NOW_MS, deployment, incident

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Appearances
from dora_exporter.dora.events import DAY_MS, Commit
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
    states = States(
        store,
        DEFINITIONS,
        Aggregates(
            appearances=Appearances(NO_CATALOGUE, store.series_order),
            series_limit=100,
            membership=Membership(Teams({}), Groups()),
        ),
    )
    request.addfinalizer(gc.enable)
    gc.collect()
    gc.disable()
    for steps in (states.load(series, events, [*store.incidents.values()], NOW_MS), states.settle(series, NOW_MS)):
        list(steps)

    states.forget(series)

    assert gc.collect() == 0
    assert states.by_series == {}


def change(number: int) -> dict[str, object]:
    return {"finished_at": NOW_MS - number * HOUR_MS, "commits": (Commit(f"{number:040x}", NOW_MS - DAY_MS),)}
