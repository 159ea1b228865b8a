"""The checkpoint file: made by a process of its own, taken up when it is whole and fits, else passed over."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.builders import NOW_MS, deployment, fields, incident
from tests.storage.file.logs import asides, content, file_of, put, remove
from tests.storage.postgresql.waiting import until

from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.checkpoint import Checkpoints, Head, frames, layout
from dora_exporter.storage.checkpoint.manager import FLOOR_BYTES
from dora_exporter.storage.file import Statistics, encode, header_line

RECORDS: list[Record] = [
    *(deployment(id=f"{number}", version=f"1.{number}", commit_sha=f"{number:040x}") for number in range(9)),
    incident(id="open"),
]


def state(path: Path) -> Statistics:
    """What a snapshot file says about itself."""
    size = path.stat().st_size
    return Statistics(size, 0, None, None, None, None, None)


async def taken_up(path: Path) -> tuple[EventStore, Head | None]:
    """What a start finds."""
    store = EventStore()
    return store, await Checkpoints(path).load(store)


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A snapshot file with a checkpoint."""
    path = tmp_path / "snapshot.jsonl"
    file_of(path, RECORDS)
    assert await Checkpoints(path).make(state(path))
    return path


async def test_a_start_finds_the_events(path: Path) -> None:
    store, found = await taken_up(path)
    assert found
    assert fields([*store.deployments.values(), *store.incidents.values()]) == fields(RECORDS)
    assert found.length == state(path).size_bytes


async def test_a_start_finds_the_deployments_of_each_series_in_order_of_finish(tmp_path: Path) -> None:
    finishes = [5, 2, 9, 2, 7, 1]
    file_of(
        tmp_path / "snapshot.jsonl",
        [
            deployment(id=f"{service}-{number}", service=service, started_at=NOW_MS, finished_at=NOW_MS + finish)
            for number, finish in enumerate(finishes)
            for service in ("cart", "shop")
        ],
    )
    checkpoints = Checkpoints(tmp_path / "snapshot.jsonl")
    assert await checkpoints.make(state(tmp_path / "snapshot.jsonl"))
    store, _ = await taken_up(tmp_path / "snapshot.jsonl")
    assert list(store.deployments) == [f"{service}-{n}" for service in ("cart", "shop") for n in (5, 1, 3, 0, 4, 2)]


async def test_what_was_appended_since_does_no_harm(path: Path) -> None:
    covered = state(path).size_bytes
    put(path, content(path) + encode(deployment(id="later")) + b"torn")
    store, found = await taken_up(path)
    assert found
    assert found.length == covered
    assert "later" not in store.deployments


async def test_without_a_checkpoint_nothing_is_taken(tmp_path: Path) -> None:
    file_of(tmp_path / "snapshot.jsonl", RECORDS)
    store, found = await taken_up(tmp_path / "snapshot.jsonl")
    assert (found, dict(store.deployments)) == (None, {})


async def test_a_checkpoint_cut_anywhere_is_passed_over(path: Path) -> None:
    made = Checkpoints(path).path
    whole = content(made)
    for length in range(0, len(whole), 13):
        put(made, whole[:length])
        store, found = await taken_up(path)
        assert (found, dict(store.deployments), store.incidents, store.series_order) == (None, {}, {}, {})


async def test_a_checkpoint_with_a_flipped_bit_anywhere_is_passed_over(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = Checkpoints(path).path
    whole = content(made)
    for place in range(0, len(whole), 13):
        put(made, whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        store, found = await taken_up(path)
        assert (found, dict(store.deployments), store.incidents, store.series_order) == (None, {}, {}, {})
    assert "checkpoint ignored" in caplog.text


async def test_a_start_takes_many_events_in_slices(tmp_path: Path) -> None:
    path, many = tmp_path / "snapshot.jsonl", 12_000
    file_of(path, (deployment(id=f"{number}") for number in range(many)))
    checkpoints, store = Checkpoints(path), EventStore()
    assert await checkpoints.make(state(path))
    head, *rest = frames.read(checkpoints.path)
    turn, asked_in, left = 0, [], iter(rest)

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def following() -> bytes:
        asked_in.append(turn)
        return next(left, b"")

    turns = asyncio.create_task(count_turns())
    await layout.fill(store, layout.head_of(head), following)
    turns.cancel()
    assert len(store.deployments) == many
    assert len(set(asked_in)) == len(asked_in) == len(rest) + 1
    assert layout.head_of(head).counts[0] > many / 4097


async def test_a_start_does_not_keep_the_event_loop_while_it_reads(path: Path) -> None:
    made, has_turned = Checkpoints(path).path, threading.Event()
    remove(made)
    os.mkfifo(made)  # whoever opens it to read is kept until someone opens it to write

    def feed() -> bool:
        was_free = has_turned.wait(5)
        put(made, b"")
        return was_free

    feeding, taking = asyncio.create_task(asyncio.to_thread(feed)), asyncio.create_task(taken_up(path))
    await asyncio.sleep(0)
    has_turned.set()
    assert await feeding
    assert (await taking)[1] is None


async def test_a_flipped_bit_in_the_snapshot_file_has_all_of_it_replayed(path: Path) -> None:
    whole = content(path)
    for place in range(0, len(whole), 101):
        put(path, whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert (await taken_up(path))[1] is None


async def test_a_snapshot_file_that_was_cut_has_all_of_it_replayed(path: Path) -> None:
    put(path, content(path)[:-1])
    assert (await taken_up(path))[1] is None


async def test_none_is_made_of_a_damaged_snapshot_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "snapshot.jsonl"
    lines = file_of(path, RECORDS)
    put(path, b"".join([*lines[:3], b"{}\n", *lines[3:]]))
    checkpoints = Checkpoints(path, floor_bytes=0)
    assert not await checkpoints.make(state(path))
    assert "Unfit: unreadable line at byte" in caplog.text
    assert asides(path) == []
    assert not checkpoints.is_due(state(path))


async def test_a_making_ends_with_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.jsonl"
    file_of(path, RECORDS)
    checkpoints = Checkpoints(path)
    making = asyncio.create_task(checkpoints.make(state(path)))
    await asyncio.sleep(0)
    checkpoints.close()
    assert not await making
    assert asides(path) == []


async def test_one_is_due_for_a_big_file_without_any(tmp_path: Path) -> None:
    file_of(tmp_path / "snapshot.jsonl", RECORDS)
    checkpoints, now = Checkpoints(tmp_path / "snapshot.jsonl"), state(tmp_path / "snapshot.jsonl")
    assert checkpoints.is_due(replace(now, size_bytes=FLOOR_BYTES))
    assert not checkpoints.is_due(replace(now, size_bytes=FLOOR_BYTES - 1))


async def test_another_one_is_due_once_the_file_grew_or_was_compacted(path: Path) -> None:
    checkpoints, now = Checkpoints(path, floor_bytes=0), state(path)
    await checkpoints.load(EventStore())
    assert not checkpoints.is_due(now)
    assert not checkpoints.is_due(replace(now, size_bytes=now.size_bytes + (1 << 20)))
    assert checkpoints.is_due(replace(now, size_bytes=now.size_bytes + (1 << 20) + 1))
    assert checkpoints.is_due(replace(now, last_compaction_ms=NOW_MS))


async def test_after_one_was_made_there_is_a_pause(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="dora_exporter.storage.checkpoint.manager")
    checkpoints, now = Checkpoints(path, floor_bytes=0), state(path)
    await checkpoints.make(now)
    assert [each.partition(" seconds=")[0] for each in caplog.messages] == ["checkpoint written"]
    assert not checkpoints.is_due(replace(now, last_compaction_ms=NOW_MS))


async def test_after_a_compaction_a_good_checkpoint_is_not_made_anew_by_a_restart(path: Path) -> None:
    put(path, header_line(compacted_at=NOW_MS) + b"".join(map(encode, RECORDS)))
    now = replace(state(path), last_compaction_ms=NOW_MS)
    assert await Checkpoints(path).make(now)
    restarted = Checkpoints(path, floor_bytes=0)
    await restarted.load(EventStore())
    assert not restarted.is_due(now)
    assert restarted.is_due(replace(now, last_compaction_ms=NOW_MS + 1))


def process_of(checkpoints: Checkpoints) -> "subprocess.Popen[bytes] | None":
    return checkpoints.program.process if checkpoints.program else None


async def test_a_making_that_is_given_up_leaves_no_process_and_no_file(path: Path) -> None:
    checkpoints = Checkpoints(path)
    making = asyncio.create_task(checkpoints.make(state(path)))
    process = await asyncio.to_thread(until, lambda: process_of(checkpoints))
    put(checkpoints.path.with_name(f"{checkpoints.path.name}.making"), b"half")
    making.cancel()
    await asyncio.gather(making, return_exceptions=True)
    assert (process.returncode or 0) < 0
    assert asides(path) == [checkpoints.path]


def test_a_making_whose_daemon_is_gone_ends() -> None:
    command = [sys.executable, "-m", "dora_exporter.storage.checkpoint.build_process", "a", "1", "b"]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20)
    assert ended.returncode == 1
