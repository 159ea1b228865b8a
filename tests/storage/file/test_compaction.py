"""Compaction."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.builders import NOW_MS, ManualClock, deployment, fields, incident
from tests.storage.file.logs import FaultyDisk, asides, content, file_of, ids_after_restart, opened, put

from dora_exporter.dora.appearance_order import team_entry
from dora_exporter.dora.events import DAY_MS, Checkout, Commit, Deployment, Incident, Shipped, Verdict
from dora_exporter.dora.records import RETENTION, Batch, Cursor, Deletion, Judgement, Record, Resolution, SeriesOrder
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.file import compaction_process, header_line, read
from dora_exporter.storage.file.compaction_process import DamagedFile

RETENTION_MS = 100 * DAY_MS
ids = st.sampled_from("abc")
services = st.sampled_from(["cart", "shop"])
sources = st.sampled_from(["api", "apm"])
deleters = st.sampled_from(["api", "apm", RETENTION])
revisions = st.none() | st.integers(0, 3)
moments = st.sampled_from([NOW_MS - 101 * DAY_MS, NOW_MS - 100 * DAY_MS, NOW_MS - DAY_MS, NOW_MS, NOW_MS + 1])
teams = st.none() | st.sampled_from(["crew", "squad"])
verdicts = st.none() | st.builds(Verdict, st.booleans())
parts = st.builds(
    Shipped,
    st.sampled_from(["host/r", "host/other"]),
    st.sampled_from(["1", "2"]),
    st.just(()) | st.just((Commit("9", 1), Commit("8", 2))),
)
shipped = st.none() | parts
further = st.just(()) | st.sampled_from("12").map(lambda sha: (Checkout("host/other", sha),))
deployments = st.builds(
    Deployment,
    id=ids,
    service=services,
    environment=st.just("prod"),
    started_at=moments,
    finished_at=moments,
    version=st.none() | st.sampled_from(["1", "2"]),
    commit_sha=st.none() | st.sampled_from(["1", "2"]),
    repository=st.none() | st.just("host/r"),
    team=teams,
    source=sources,
    verdict=verdicts,
    shipped=shipped,
    revision=revisions,
    tags=st.just(()) | st.just(("a:b",)),
    further=further,
)
incidents = st.builds(
    Incident,
    id=ids,
    services=st.lists(services, unique=True).map(tuple),
    environment=st.just("prod"),
    started_at=moments,
    finished_at=st.none() | moments,
    team=teams,
    source=sources,
    revision=revisions,
    name=st.none() | st.just("{}"),
)
singles = (
    deployments
    | incidents
    | st.builds(Judgement, ids, verdicts)
    | st.builds(Resolution, ids, shipped)
    | st.builds(Deletion, st.sampled_from(["deployment", "incident"]), ids, moments, deleters)
    | st.builds(Cursor, st.sampled_from(["apm", "pagerduty"]), st.none() | st.just({"since": 1}))
)
records = (
    singles
    | st.lists(singles, max_size=4).map(lambda some: Batch(tuple(some)))
    | st.builds(SeriesOrder, st.lists(st.tuples(services, st.just("prod")), max_size=2).map(tuple))
)


def store_of(written: Iterable[Record]) -> EventStore:
    store = EventStore()
    for record in written:
        store.apply(record)
    return store


def state_of(store: EventStore) -> object:
    """All of a store, in its order."""
    return (
        list(store.deployments.items()),
        list(store.incidents.items()),
        store.cursors,
        store.tombstones,
        list(store.series_order.items()),
    )


def compacted(written: Iterable[Record], retention_ms: int = RETENTION_MS) -> list[Record]:
    """The records after a compaction of a file with these."""
    with TemporaryDirectory() as folder:
        path, target = Path(folder, "events"), Path(folder, "compacted")
        file_of(path, written)
        fd = os.open(path, os.O_RDONLY)
        try:
            store = compaction_process.replayed(fd, path.stat().st_size)
            compaction_process.write(compaction_process.kept(store, NOW_MS - retention_ms), target, NOW_MS)
        finally:
            os.close(fd)
        return list(read(target))


def without_old_tombstones(store: EventStore) -> EventStore:
    """The store without the tombstones that are older than the retention."""
    for key, tombstone in list(store.tombstones.items()):
        if tombstone.at < NOW_MS - RETENTION_MS:
            del store.tombstones[key]
    return store


@settings(max_examples=300, deadline=None)
@given(st.lists(records, max_size=14))
def test_a_compacted_file_leaves_the_same_state_without_old_tombstones(written: list[Record]) -> None:
    assert fields(state_of(store_of(compacted(written)))) == fields(state_of(without_old_tombstones(store_of(written))))


@settings(max_examples=200, deadline=None)
@given(st.lists(records, max_size=10), st.lists(records, max_size=6))
def test_what_is_appended_later_has_the_same_effect(written: list[Record], later: list[Record]) -> None:
    shortened = compacted(written, retention_ms=NOW_MS)
    assert fields(state_of(store_of([*shortened, *later]))) == fields(state_of(store_of([*written, *later])))


def test_a_compacted_file_holds_each_event_once_in_the_order_of_first_appearance() -> None:
    first, second = deployment(id="a", service="z"), deployment(id="b", service="y")
    verdict = Verdict(change_failure=True)
    written: list[Record] = [first, Judgement("a", verdict), second, replace(first, version="2"), incident(id="a")]
    assert fields(compacted([Batch((first, second)), *written, Deletion("incident", "a", NOW_MS)])) == fields(
        [
            SeriesOrder((("z", "production"), ("y", "production"), ("checkout", "production"))),
            replace(first, version="2", verdict=verdict),
            second,
        ]
    )


def test_a_compacted_file_keeps_the_order_in_which_teams_appeared() -> None:
    first, second = deployment(id="a", team="squad"), deployment(id="b", team="crew")
    moved = replace(first, team="tribe")

    order, *_ = compacted(
        [first, second, moved, incident(id="i", services=(), team="night"), Deletion("deployment", "b", 0)]
    )

    assert order == SeriesOrder(
        (("checkout", "production"), *(team_entry(team, "production") for team in ("squad", "crew", "tribe", "night")))
    )


@pytest.mark.parametrize("damage", [b"rubbish\n", b"torn"])
def test_a_damaged_file_is_not_compacted(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"".join(file_of(path, [deployment()])) + damage)
    fd = os.open(path, os.O_RDONLY)
    with pytest.raises(DamagedFile):
        compaction_process.replayed(fd, path.stat().st_size)
    os.close(fd)


async def test_the_daemon_goes_on_with_the_compacted_file(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with opened(path) as kept:
        for version in range(50):
            await kept.log.append([deployment(id="a", version=str(version))])
        size = kept.log.statistics().size_bytes
        assert await kept.log.compact(NOW_MS, RETENTION_MS)
        after = kept.log.statistics()
        assert after.size_bytes == len(content(path)) < size / 10
        assert after.last_compaction_ms == NOW_MS
        assert after.last_compaction_seconds is not None
        await kept.log.append([deployment(id="b")])
    assert content(path).startswith(header_line(compacted_at=NOW_MS))
    assert asides(path) == []
    async with opened(path) as again:
        assert again.ids == ["a", "b"]
        assert again.log.statistics().last_compaction_ms == NOW_MS


async def test_what_is_appended_during_a_compaction_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "events"
    tags = tuple(f"tag:{number}" for number in range(100))
    async with opened(path, durability="written") as kept:
        await kept.log.append([deployment(id=f"before{number}") for number in range(100)])
        compacting = asyncio.create_task(kept.log.compact(NOW_MS, RETENTION_MS))
        while not compacting.done():
            await kept.log.append([deployment(id=f"d{len(kept.ids)}", tags=tags)])
        assert await compacting
        held = kept.ids
        assert len(held) > 200
    assert await ids_after_restart(path) == held


async def test_what_an_orphaned_compaction_leaves_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with opened(path) as kept:
        put(tmp_path / "events.compacting", b"half")
        assert await kept.log.compact(NOW_MS, RETENTION_MS)
    assert content(path) == header_line(compacted_at=NOW_MS)


async def test_only_one_compaction_runs_at_a_time(tmp_path: Path) -> None:
    async with opened(tmp_path / "events") as kept:
        results = await asyncio.gather(*[kept.log.compact(NOW_MS, RETENTION_MS) for _ in range(3)])
        assert sorted(results) == [False, False, True]


@pytest.mark.parametrize("call", ["replace", "open for reading"])
async def test_a_compaction_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, disk = tmp_path / "events", FaultyDisk()
    async with opened(path, disk=disk) as kept:
        await kept.log.append([deployment(id="a")])
        before = content(path)
        disk.faults = {call: 28}
        assert not await kept.log.compact(NOW_MS, RETENTION_MS)
        assert f"compaction failed path={path} error='[Errno 28] No space left on device'" in caplog.text
        assert content(path) == before
        assert asides(path) == []
        disk.faults = {}
        assert await kept.log.compact(NOW_MS, RETENTION_MS)


async def test_a_compaction_that_finds_damage_leaves_the_file_to_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "events"
    async with opened(path) as kept:
        await kept.log.append([deployment(id="a")])
        await kept.log.append([deployment(id="b")])
        damaged = content(path).replace(b'"id":"a"', b'"id":"x"')
        put(path, damaged)
        assert not await kept.log.compact(NOW_MS, RETENTION_MS)
        assert "unreadable line at byte" in caplog.text
        assert content(path) == damaged


async def compact_once(path: Path) -> None:
    async with opened(path) as kept:
        assert await kept.log.compact(NOW_MS, RETENTION_MS)


def test_a_link_and_the_rights_of_the_file_outlast_a_compaction(tmp_path: Path) -> None:
    path, link = tmp_path / "events", tmp_path / "link"
    file_of(path, [deployment(id="a")])
    path.chmod(0o604)
    link.symlink_to(path)
    asyncio.run(compact_once(link))
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o604


def test_the_owner_of_the_file_outlasts_a_compaction(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to somebody else")
    path = tmp_path / "events"
    file_of(path, [deployment(id="a")])
    os.chown(path, 4321, 1234)
    path.chmod(0o640)
    asyncio.run(compact_once(path))
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode & 0o777) == (4321, 1234, 0o640)


def test_the_program_ends_with_the_daemon_that_started_it(tmp_path: Path) -> None:
    blocks_until_written_to = tmp_path / "pipe"
    os.mkfifo(blocks_until_written_to)
    program = [
        sys.executable,
        "-m",
        compaction_process.__name__,
        str(blocks_until_written_to),
        "1",
        str(tmp_path / "t"),
        "2",
        "3",
    ]
    with subprocess.Popen(program, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait() == 1


async def test_closing_gives_up_a_compaction(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with opened(path) as kept:
        await kept.log.append([deployment(id="a")])
        compacting = asyncio.create_task(kept.log.compact(NOW_MS, RETENTION_MS))
        await asyncio.sleep(0)
        await kept.log.close()
        assert not await compacting
    assert asides(path) == []
    assert await ids_after_restart(path) == ["a"]


async def test_a_caller_that_is_cancelled_leaves_the_compaction_running(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with opened(path) as kept:
        compacting = asyncio.create_task(kept.log.compact(NOW_MS, RETENTION_MS))
        await asyncio.sleep(0)
        compacting.cancel()
        await asyncio.wait([compacting])
        assert compacting.cancelled()
        assert not await kept.log.compact(NOW_MS, RETENTION_MS)


async def test_it_is_due_once_the_file_has_doubled_above_a_floor_or_after_a_day(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path / "events", clock=clock, compaction_floor_bytes=2000) as kept:
        due = [kept.log.is_compaction_due()]
        for number in range(20):
            await kept.log.append([deployment(id=str(number))])
            due.append(kept.log.is_compaction_due())
        assert due == sorted(due)
        assert (due[5], due[-1]) == (False, True)
        assert await kept.log.compact(NOW_MS, RETENTION_MS)
        assert not kept.log.is_compaction_due()
        clock.advance(DAY_MS)
        assert kept.log.is_compaction_due()


async def test_it_is_due_when_a_clock_that_was_ahead_was_set_right(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path / "events", clock=clock) as kept:
        clock.advance(500 * DAY_MS)
        assert await kept.log.compact(clock(), RETENTION_MS)
        clock.advance(-500 * DAY_MS)
        assert kept.log.is_compaction_due()


async def test_a_restart_remembers_when_it_was_last_compacted(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path / "events", clock=clock) as kept:
        assert await kept.log.compact(NOW_MS, RETENTION_MS)
    clock.advance(DAY_MS - 1)
    async with opened(tmp_path / "events", clock=clock) as kept:
        assert not kept.log.is_compaction_due()
        clock.advance(1)
        assert kept.log.is_compaction_due()
