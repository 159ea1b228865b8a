"""What every log promises, asked of each of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from tests.builders import NOW_MS, ManualClock, deployment, fields, incident
from tests.storage.postgresql.cluster import Cluster, cluster
from tests.storage.postgresql.logs import link

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import EventLog, Unavailable
from dora_exporter.dora.events import Commit, Shipped, Verdict
from dora_exporter.dora.records import Batch, Cursor, Deletion, Judgement, Record, Resolution, SeriesOrder
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.file import SnapshotFile
from dora_exporter.storage.postgresql.log import PostgresLog

CREATED, UPDATED, UNCHANGED, DELETED = Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.DELETED

Life = Callable[[], AbstractAsyncContextManager[tuple[EventLog, EventStore]]]
"""One life of a log: replayed into a store, started, and closed at the end of the block. The next one finds it."""


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as started:
        yield started


@pytest.fixture(params=["file", pytest.param("database", marks=pytest.mark.e2e)])
def life(request: pytest.FixtureRequest, tmp_path: Path) -> Life:
    """Where the records are kept."""
    if request.param == "file":
        return lambda: _file(tmp_path / "snapshot")
    database = request.getfixturevalue("server").create_database()

    @asynccontextmanager
    async def in_database() -> AsyncIterator[tuple[EventLog, EventStore]]:
        log = PostgresLog(link(database), clock=ManualClock())
        await log.open()
        async with _living(log, log.close) as living:
            yield living

    return in_database


@asynccontextmanager
async def _file(path: Path) -> AsyncIterator[tuple[EventLog, EventStore]]:
    log = SnapshotFile(path, clock=ManualClock())
    log.open()
    async with _living(log, log.close) as living:
        yield living


@asynccontextmanager
async def _living(log: EventLog, close: Callable[[], Awaitable[None]]) -> AsyncIterator[tuple[EventLog, EventStore]]:
    store = EventStore()
    try:
        async for records in log.replay():
            store.apply_all(records)
        await log.start(store.apply_all)
        yield log, store
    finally:
        await close()


SHA = "a" * 40
RECORDS: list[tuple[Record, list[Outcome]]] = [
    (SeriesOrder((("first", "production"),)), []),
    (deployment(id="a", commit_sha=SHA, repository="host/path"), [CREATED]),
    (deployment(id="a", commit_sha=SHA, repository="host/path"), [UNCHANGED]),
    (Judgement("a", Verdict(change_failure=True)), [UPDATED]),
    (Resolution("a", Shipped("host/path", SHA, (Commit(SHA, NOW_MS),))), [UPDATED]),
    (deployment(id="a", commit_sha=SHA, repository="host/path", version="2"), [UPDATED]),
    (Judgement("nobody", Verdict(change_failure=True)), [UNCHANGED]),
    (incident(id="b", services=("one", "two"), source="pd", revision=2), [CREATED]),
    (incident(id="b", services=("one",), source="pd", revision=1), [UNCHANGED]),
    (incident(id="c", source="pd"), [CREATED]),
    (Deletion("incident", "c", NOW_MS, "pd"), [DELETED]),
    (incident(id="c", source="pd"), [UNCHANGED]),
    (Cursor("pd", {"cursor": 1, "memory": {"ids": ["x"]}}), []),
    (Cursor("pd", {"cursor": 2}), []),
    (Batch((deployment(id="d"), Deletion("deployment", "d", NOW_MS), deployment(id="e"))), [CREATED, DELETED, CREATED]),
]


async def test_each_record_has_its_outcome_and_a_restart_finds_the_same_state(life: Life) -> None:
    async with life() as (log, store):
        assert [await log.append([record]) for record, _ in RECORDS] == [outcomes for _, outcomes in RECORDS]
    async with life() as (_, again):
        assert fields(again.deployments) == fields(store.deployments)
        assert fields(again.incidents) == fields(store.incidents)
        assert again.cursors == store.cursors == {"pd": {"cursor": 2}}
        assert again.tombstones == store.tombstones
        assert list(again.series_order) == list(store.series_order)
    assert set(store.deployments) == {"a", "e"}
    assert store.deployments["a"].verdict == Verdict(change_failure=True)
    assert store.deployments["a"].shipped is not None


async def test_records_appended_together_are_answered_together(life: Life) -> None:
    async with life() as (log, _):
        outcomes = await log.append([record for record, _ in RECORDS])
    assert outcomes == [outcome for _, outcomes in RECORDS for outcome in outcomes]


async def test_the_order_of_the_calls_is_the_order_in_the_log(life: Life) -> None:
    async with life() as (log, store):
        waiting = [log.append([deployment(id="a", version=str(number))]) for number in range(200)]
        await asyncio.gather(*waiting)
        assert store.deployments["a"].version == "199"
    async with life() as (_, again):
        assert fields(again.deployments) == fields(store.deployments)


async def test_whoever_stops_waiting_loses_nothing(life: Life) -> None:
    async with life() as (log, _):
        gone = asyncio.ensure_future(log.append([deployment(id="a")]))
        gone.cancel()
        await log.append([deployment(id="b")])
    async with life() as (_, again):
        assert set(again.deployments) == {"a", "b"}


async def test_what_was_appended_before_a_close_is_kept_and_nothing_after_it(life: Life) -> None:
    async with life() as (log, _):
        last = asyncio.ensure_future(log.append([deployment(id="a")]))
        await log.close()
        assert await last == [CREATED]
        with pytest.raises(Unavailable):
            await log.append([deployment(id="late")])
    async with life() as (_, again):
        assert set(again.deployments) == {"a"}


async def test_an_append_of_nothing_is_answered(life: Life) -> None:
    async with life() as (log, _):
        assert await log.append([]) == []
