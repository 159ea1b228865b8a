"""The names without an entry, counted anew only where a series changed."""

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from tests.builders import HOUR_MS, NOW_MS, deployment, incident

from dora_exporter.dora.catalogue.catalogue import Catalogue
from dora_exporter.dora.catalogue.spellings import Entry
from dora_exporter.dora.events import DAY_MS, Deployment, Event
from dora_exporter.dora.records import Deletion, Record
from dora_exporter.dora.store import EventStore
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine
from dora_exporter.series.unmapped_names import NameCounts, UnmappedName, UnmappedNames

CATALOGUE = Catalogue(
    (Entry("cart", aliases=("basket",)), Entry("rest", aliases=("*-svc",), template=r"\1")),
    (Entry("live", aliases=("prod",)), Entry("review", aliases=("pr-*",), ignore=True)),
)
DEFINITIONS = Definitions(
    windows=(("30d", 30 * DAY_MS),), retention_ms=400 * DAY_MS, series_limit=100, catalogue=CATALOGUE
)
SERVICES = st.sampled_from(("cart", "basket", "till", "till-svc", "desk"))
ENVIRONMENTS = st.sampled_from(("live", "prod", "pr-7", "staging"))
MOMENTS = st.integers(-2, 500).map(lambda days: NOW_MS - days * DAY_MS)
DEPLOYMENTS = st.builds(
    lambda number, service, environment, finished_at, outcome: deployment(
        id=f"d{number}", service=service, environment=environment, finished_at=finished_at, outcome=outcome
    ),
    st.integers(0, 9),
    SERVICES,
    ENVIRONMENTS,
    MOMENTS,
    st.sampled_from((None, None, "failed")),
)
INCIDENTS = st.builds(
    lambda number, services, environment, started_at, lasted: incident(
        id=f"i{number}",
        services=tuple(sorted(services)),
        environment=environment,
        started_at=started_at,
        finished_at=None if lasted is None else started_at + lasted,
    ),
    st.integers(0, 4),
    st.sets(SERVICES, max_size=3),
    ENVIRONMENTS,
    MOMENTS,
    st.none() | st.integers(0, HOUR_MS),
)
DELETIONS = st.one_of(
    st.builds(lambda number: Deletion("deployment", f"d{number}", NOW_MS), st.integers(0, 9)),
    st.builds(lambda number: Deletion("incident", f"i{number}", NOW_MS), st.integers(0, 4)),
)
RECORDS = st.lists(st.one_of(DEPLOYMENTS, DEPLOYMENTS, INCIDENTS, DELETIONS), max_size=12)


def expected(store: EventStore) -> list[UnmappedName]:
    """From every event of the store."""
    seen: dict[tuple[str, str], list[int]] = {}
    events: list[Event] = [*store.deployments.values(), *store.incidents.values()]
    for event in events:
        last_ms = event.started_at if event.finished_at is None else event.finished_at
        services = (event.service,) if isinstance(event, Deployment) else event.services
        if event.environment == "pr-7" or not services:
            continue
        names = {("service", each) for each in services if each in {"till", "desk"}}
        names |= {("environment", event.environment)} & {("environment", "staging")}
        for name in names:
            seen.setdefault(name, []).append(last_ms)
    found = [UnmappedName(kind, name, len(moments), max(moments)) for (kind, name), moments in seen.items()]
    return sorted(found, key=lambda each: (-each.events, each.kind, each.name))


@given(st.lists(RECORDS, min_size=1, max_size=4))
def test_they_are_those_of_all_events_however_these_changed(rounds: Sequence[Sequence[Record]]) -> None:
    async def check() -> None:
        store, counts = EventStore(), NameCounts()
        engine = Engine(store, DEFINITIONS)
        await engine.load(NOW_MS)
        for number, records in enumerate(rounds):
            store.apply_all(records)
            while not engine.update(NOW_MS + number * HOUR_MS):
                pass
            found = await counts.unmapped(engine)
            assert found == UnmappedNames(expected(store), len(expected(store)))

    asyncio.run(check())


class Counting(Engine):
    """Counts the events that are looked at."""

    looked_at = 0

    def as_stored(self, event: Event) -> Event | None:
        self.looked_at += 1
        return super().as_stored(event)


async def test_events_of_a_series_without_a_change_are_not_looked_at_again() -> None:
    store, counts = EventStore(), NameCounts()
    store.apply_all(
        [
            deployment(id=f"{name}{number}", service=name, environment="live")
            for name, count in (("till", 30), ("desk", 3))
            for number in range(count)
        ]
    )
    engine = Counting(store, DEFINITIONS)
    await engine.load(NOW_MS)
    looked_at = []
    for number in range(30, 33):
        while not engine.update(NOW_MS):
            pass
        engine.looked_at = 0
        found = await counts.unmapped(engine)
        assert found
        assert [each.events for each in found.names] == [30, number - 27]
        looked_at.append(engine.looked_at)
        store.apply(deployment(id=f"desk{number}", service="desk", environment="live"))

    assert looked_at == [33, 4, 5]
