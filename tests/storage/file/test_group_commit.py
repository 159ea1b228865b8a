"""Group commit."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.builders import ManualClock, deployment
from tests.storage.file.logs import FaultyDisk, ids_after_restart, opened

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Unavailable
from dora_exporter.dora.records import Record
from dora_exporter.storage.file import SnapshotError, SnapshotFile, encode, read
from dora_exporter.storage.file.appended_file import AppendedFile
from dora_exporter.storage.file.group_commit import Writer


class HeldDisk(FaultyDisk):
    """A disk on which flushes wait until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Semaphore(0)
        self.gate_is_shut = False
        self.flush_begun = threading.Semaphore(0)

    def sync(self, fd: int) -> None:
        if self.gate_is_shut:
            self.flush_begun.release()
            self.gate.acquire()
        super().sync(fd)


async def test_appends_take_effect_in_the_order_of_the_calls(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with opened(path) as kept:
        names = [f"d{number}" for number in range(300)]
        outcomes = await asyncio.gather(*[kept.log.append([deployment(id=name)]) for name in names])
        assert outcomes == [[Outcome.CREATED]] * 300
        assert kept.ids == names
    assert [getattr(record, "id", None) for record in read(path)] == names


async def test_the_outcomes_are_those_of_the_records_in_the_append(tmp_path: Path) -> None:
    async with opened(tmp_path / "events") as kept:
        first, changed = deployment(id="a"), deployment(id="a", version="2")
        assert await kept.log.append([first, first, changed, deployment(id="b")]) == [
            Outcome.CREATED,
            Outcome.UNCHANGED,
            Outcome.UPDATED,
            Outcome.CREATED,
        ]
        assert await kept.log.append([]) == []


async def test_what_arrives_during_a_flush_shares_the_next_one(tmp_path: Path) -> None:
    disk = HeldDisk()
    async with opened(tmp_path / "events", disk=disk) as kept:
        disk.gate_is_shut = True
        first = kept.log.append([deployment(id="first")])
        disk.gate.release()
        await first
        disk.flush_begun.acquire()
        disk.calls.clear()
        waiting = [kept.log.append([deployment(id="0")])]
        await asyncio.to_thread(disk.flush_begun.acquire)
        waiting += [kept.log.append([deployment(id=str(number))]) for number in range(1, 50)]
        disk.gate.release(2)
        await asyncio.gather(*waiting)
        assert disk.calls == ["write", "sync", "write", "sync"]


async def test_nothing_is_applied_before_it_is_on_disk(tmp_path: Path) -> None:
    disk = HeldDisk()
    async with opened(tmp_path / "events", disk=disk) as kept:
        disk.gate_is_shut = True
        disk.calls.clear()
        append = kept.log.append([deployment(id="a")])
        await asyncio.to_thread(disk.flush_begun.acquire)
        assert kept.ids == []
        disk.gate.release()
        await append
        assert kept.ids == ["a"]


async def test_written_durability_flushes_nothing(tmp_path: Path) -> None:
    disk = FaultyDisk()
    path = tmp_path / "events"
    async with opened(path, disk=disk, durability="written") as kept:
        disk.calls.clear()
        await kept.log.append([deployment(id="a")])
        assert disk.calls == ["write"]
    assert await ids_after_restart(path) == ["a"]


async def test_short_writes_are_completed(tmp_path: Path) -> None:
    disk = FaultyDisk()
    disk.longest_write = 7
    path = tmp_path / "events"
    async with opened(path, disk=disk) as kept:
        await kept.log.append([deployment(id="a")])
    assert await ids_after_restart(path) == ["a"]


async def test_too_much_at_once_is_refused_but_one_append_of_any_size_passes(tmp_path: Path) -> None:
    size = len(encode(deployment(id="a")))
    async with opened(tmp_path / "events", pending_bytes=2 * size) as kept:
        waiting = [kept.log.append([deployment(id=name)]) for name in "ab"]
        with pytest.raises(Unavailable, match="too many writes"):
            kept.log.append([deployment(id="c")])
        await asyncio.gather(*waiting)
        await kept.log.append([deployment(id=name) for name in "cdefg"])
        assert kept.ids == list("abcdefg")


async def test_an_append_whose_sender_went_away_still_takes_effect(tmp_path: Path) -> None:
    async with opened(tmp_path / "events") as kept:
        complaints: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        abandoned = asyncio.ensure_future(kept.log.append([deployment(id="a")]))
        abandoned.cancel()
        await kept.log.append([deployment(id="b")])
        assert kept.ids == ["a", "b"]
        assert complaints == []


async def test_closing_commits_what_was_appended_and_refuses_more(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with opened(path) as kept:
        waiting = [kept.log.append([deployment(id=str(number))]) for number in range(100)]
        await kept.log.close()
        assert all(each.done() for each in map(asyncio.ensure_future, waiting))
        await asyncio.gather(*waiting)
        with pytest.raises(Unavailable, match="closed"):
            kept.log.append([deployment(id="late")])
        assert not await kept.log.compact(0, 0)
    assert len(await ids_after_restart(path)) == 100


async def test_a_log_must_be_replayed_and_started_first(tmp_path: Path) -> None:
    log = SnapshotFile(tmp_path / "events")
    with pytest.raises(SnapshotError, match="not open"):
        await anext(aiter(log.replay()))
    log.open()
    with pytest.raises(SnapshotError, match="was not replayed"):
        await log.start(lambda _: [])
    with pytest.raises(Unavailable):
        log.append([deployment()])
    await log.close()


class BrokenDisk(FaultyDisk):
    """A disk with a defect in its program."""

    def write(self, fd: int, data: bytes | memoryview, position: int) -> int:
        if "write" in self.faults:
            raise ZeroDivisionError
        return super().write(fd, data, position)


async def test_a_writing_thread_that_dies_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda death: deaths.append(death.exc_type))
    disk = BrokenDisk()
    async with opened(tmp_path / "events", disk=disk) as kept:
        disk.faults = {"write": 0}
        waiting = [kept.log.append([deployment(id=str(number))]) for number in range(100)]
        for each in waiting:
            with pytest.raises(Unavailable):
                await each
        with pytest.raises(Unavailable):
            kept.log.append([deployment()])
        assert kept.log.statistics().unavailable_since_ms is not None
        assert not await kept.log.compact(0, 0)
    assert deaths == [ZeroDivisionError]


class DefectiveFile(AppendedFile):
    """A file with a defect in its program."""

    def append(self, data: bytes) -> None:
        raise ValueError(data)


@pytest.fixture
def dying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Writer]:
    """Makes a writer whose thread may die."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    disk, clock = FaultyDisk(), ManualClock()
    file = DefectiveFile(tmp_path / "events", durability="fsync", disk=disk, clock=clock)
    return lambda: Writer(file, lambda _: [], clock=clock)


@pytest.mark.parametrize("is_given_up", [False, True])
async def test_a_call_set_aside_by_a_thread_that_dies_is_refused(
    dying: Callable[[], Writer], *, is_given_up: bool
) -> None:
    writer, gate = dying(), threading.Semaphore(0)

    def hold() -> None:
        gate.acquire()

    held = asyncio.ensure_future(writer.call(hold))
    await asyncio.sleep(0)
    append = writer.append([], b"line")
    calls = [asyncio.ensure_future(writer.call(lambda: None)) for _ in range(3)]
    await asyncio.sleep(0)
    if is_given_up:
        calls.pop(0).cancel()
    gate.release()
    await held
    answers = await asyncio.wait_for(asyncio.gather(append, *calls, return_exceptions=True), 20)
    assert [type(each) for each in answers] == [Unavailable] * len(answers)
    await writer.close()


async def test_a_call_of_which_the_thread_dies_is_refused_with_what_waits_behind_it(
    dying: Callable[[], Writer],
) -> None:
    writer, gate = dying(), threading.Semaphore(0)

    def defect() -> None:
        gate.acquire()
        raise ValueError

    call = asyncio.ensure_future(writer.call(defect))
    await asyncio.sleep(0)
    append = writer.append([], b"line")
    gate.release()
    answers = await asyncio.wait_for(asyncio.gather(call, append, return_exceptions=True), 20)
    assert [type(each) for each in answers] == [Unavailable] * 2
    await writer.close()


async def test_a_record_that_cannot_be_applied_stops_no_other(tmp_path: Path) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["exception"]))

    def apply(records: Sequence[Record]) -> list[Outcome]:
        if getattr(records[0], "id", None) == "bad":
            raise ZeroDivisionError
        return [Outcome.CREATED]

    log = SnapshotFile(tmp_path / "events")
    log.open()
    assert [chunk async for chunk in log.replay()] == []
    await log.start(apply)
    appends = [log.append([deployment(id=name)]) for name in ("good", "bad", "fine")]
    results = await asyncio.gather(*appends, return_exceptions=True)
    assert results[::2] == [[Outcome.CREATED]] * 2
    assert isinstance(results[1], Unavailable)
    assert [type(each) for each in complaints] == [ZeroDivisionError]
    await log.close()
