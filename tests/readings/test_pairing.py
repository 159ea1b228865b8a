"""A deployment that was sent by its pipeline and found by a source counts once, in whatever order the reports come."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.builders import NOW_MS, deployment

from dora_exporter.events import MINUTE_MS, Deployment, Verdict
from dora_exporter.readings import Definitions, Readings
from dora_exporter.records import Deletion, Judgement
from dora_exporter.store import EventStore

WITHIN_MS = 30 * MINUTE_MS


def read(store: EventStore) -> Readings:
    readings = Readings(
        store, Definitions(windows=(("7d", 7 * 86_400_000),), retention_ms=10 * 86_400_000, series_limit=10)
    )
    asyncio.run(readings.load(NOW_MS))
    return readings


def counted(readings: Readings) -> dict[str, Verdict | None]:
    """The ids that count, with the verdict by which they are judged."""
    while not readings.update(NOW_MS):
        pass
    timelines = [readings.timeline(series) for series in readings.tallies.series]
    return {each.id: each.verdict for one in timelines if one for each in one.judging.lineup.by_finish}


def sent(id_: str, minute: int, **changes: object) -> Deployment:
    started_at = NOW_MS - 24 * 60 * MINUTE_MS + minute * MINUTE_MS
    return deployment(**{"id": id_, "started_at": started_at, "version": "v1", **changes})


def found(id_: str, minute: int, **changes: object) -> Deployment:
    seen = sent(id_, minute, source="apm", **changes)
    return replace(seen, finished_at=seen.started_at)


def test_the_sent_report_counts_in_either_order() -> None:
    for events in ((sent("s", 0), found("f", 5)), (found("f", 5), sent("s", 0))):
        store = EventStore()
        readings = read(store)
        for event in events:
            store.apply(event)

        assert list(counted(readings)) == ["s"]
        assert list(counted(read(store))) == ["s"]


def test_reports_too_far_apart_or_of_different_versions_are_two() -> None:
    store = EventStore()
    for event in (sent("s", 0), found("late", 31), found("other", 1, version="v2")):
        store.apply(event)

    assert sorted(counted(read(store))) == ["late", "other", "s"]


def test_nearest_beginnings_are_paired_first_and_one_to_one() -> None:
    store = EventStore()
    for event in (sent("s", 10), found("far", 0), found("near", 12)):
        store.apply(event)

    assert sorted(counted(read(store))) == ["far", "s"]


def test_deleting_the_sent_one_restores_the_other() -> None:
    store = EventStore()
    readings = read(store)
    for event in (sent("s", 0), found("f", 5)):
        store.apply(event)
    store.apply(Deletion("deployment", "s", NOW_MS))

    assert list(counted(readings)) == ["f"]


def test_a_verdict_on_either_is_that_of_the_survivor() -> None:
    store = EventStore()
    readings = read(store)
    for event in (sent("s", 0), found("f", 5)):
        store.apply(event)

    store.apply(Judgement("f", Verdict(change_failure=True)))
    assert counted(readings) == {"s": Verdict(change_failure=True)}
    store.apply(Judgement("s", Verdict(change_failure=False)))
    assert counted(readings) == {"s": Verdict(change_failure=False)}
    store.apply(Judgement("s", None))
    store.apply(Judgement("f", None))
    assert counted(readings) == {"s": None}


IDS = st.sampled_from(["s1", "s2", "s3", "f1", "f2", "f3"])
reports = st.builds(
    lambda id_, minute, version, sha: (sent if id_[0] == "s" else found)(
        id_, minute, version=version, commit_sha=sha and sha * 40
    ),
    IDS,
    st.integers(0, 80),
    st.sampled_from(["v1", "v1", "v2", None]),
    st.sampled_from([None, None, "a", "b"]),
)
writes = reports | IDS.map(lambda id_: Deletion("deployment", id_, NOW_MS))


def survivors(store: EventStore) -> set[str]:
    """Those that count, from nothing but the definition."""
    held = list(store.deployments.values())
    edges = sorted(
        (abs(one.started_at - other.started_at), one.started_at, one.id, other.id)
        for one in held
        for other in held
        if one.source == "api" != other.source
        and abs(one.started_at - other.started_at) <= WITHIN_MS
        and ((one.version and one.version == other.version) or (one.commit_sha and one.commit_sha == other.commit_sha))
    )
    taken: set[str] = set()
    superseded = set()
    for _, _, one_id, other_id in edges:
        if taken.isdisjoint({one_id, other_id}):
            taken |= {one_id, other_id}
            superseded.add(other_id)
    return {each.id for each in held} - superseded


@settings(max_examples=300, deadline=None)
@given(st.lists(writes, max_size=15))
def test_any_order_of_reports_and_deletions_leaves_the_same_pairs(events: list[Deployment | Deletion]) -> None:
    store = EventStore()
    readings = read(store)
    for event in events:
        store.apply(event)
        assert set(counted(readings)) == survivors(store)
    assert set(counted(read(store))) == survivors(store)
    superseded = {each.id for each in store.deployments.values() if readings.is_superseded(each)}
    assert superseded == store.deployments.keys() - survivors(store)
