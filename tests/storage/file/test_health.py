"""A disk that fails, and heals."""

import errno
import logging
import os
from pathlib import Path

import pytest
from tests.builders import NOW_MS, ManualClock, deployment
from tests.storage.file.logs import FaultyDisk, asides, content, file_of, ids_after_restart, opened, put, remove

from dora_exporter.dora.event_log import Unavailable
from dora_exporter.storage.file import SnapshotError, SnapshotFile, read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("write", errno.ENOSPC),
        ("write", errno.EROFS),
        ("write", errno.EIO),
        ("sync", errno.EIO),
        ("sync", errno.ENOSPC),
    ],
)
@pytest.mark.parametrize("further", [{}, {"truncate": errno.EIO}])
async def test_a_failure_refuses_writers_and_heals_by_itself(
    path: Path, call: str, error: int, further: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="dora_exporter.storage.file.appended_file")
    disk, clock = FaultyDisk(), ManualClock()
    async with opened(path, disk=disk, clock=clock) as kept:
        await kept.log.append([deployment(id="before")])
        good = content(path)
        disk.faults = {call: error, **further}
        for _ in range(3):
            with pytest.raises(Unavailable, match="cannot be written"):
                await kept.log.append([deployment(id="refused")])
        assert content(path) == good or further
        assert kept.log.statistics().unavailable_since_ms == NOW_MS
        disk.faults = {}
        clock.advance(2500)
        await kept.log.append([deployment(id="after")])
        assert kept.log.statistics().unavailable_since_ms is None
        assert kept.ids == ["before", "after"]
    assert [getattr(each, "id", None) for each in read(path)] == ["before", "after"]
    changes = [record.getMessage() for record in caplog.records if "available" in record.getMessage()]
    assert changes == [
        f"snapshot file unavailable, writes are refused path={path} error='[Errno {error}] {os.strerror(error)}'",
        f"snapshot file available again path={path} after_seconds=2.5",
    ]
    remains = f"cannot truncate a failed write path={path} error='{os.strerror(errno.EIO)}'"
    assert (remains in caplog.messages) == bool(further)


async def test_a_partial_write_leaves_a_whole_file(path: Path) -> None:
    disk = FaultyDisk()
    async with opened(path, disk=disk) as kept:
        await kept.log.append([deployment(id="before")])
        good = content(path)
        disk.room = 50
        with pytest.raises(Unavailable, match="No space left"):
            await kept.log.append([deployment(id="refused")])
        assert content(path) == good


async def test_after_a_failed_flush_the_last_block_is_written_and_flushed_anew(path: Path) -> None:
    disk = FaultyDisk()
    async with opened(path, disk=disk) as kept:
        await kept.log.append([deployment(id="before")])
        disk.faults = {"sync": errno.EIO}
        with pytest.raises(Unavailable):
            await kept.log.append([deployment(id="refused")])
        disk.faults = {}
        disk.calls.clear()
        await kept.log.append([deployment(id="after")])
        assert disk.calls == ["open for writing", "write", "sync", "write", "sync"]


class WatchedDisk(FaultyDisk):
    """A disk that notes where a write begins and how long it is."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[tuple[int, int]] = []

    def write(self, fd: int, data: bytes | memoryview, position: int) -> int:
        self.writes.append((position, len(data)))
        return super().write(fd, data, position)


async def test_what_is_written_anew_after_a_failed_flush_begins_with_the_last_block(path: Path) -> None:
    disk = WatchedDisk()
    async with opened(path, disk=disk) as kept:
        await kept.log.append([deployment(id=f"d{number}") for number in range(200)])
        good = len(content(path))
        disk.faults = {"sync": errno.EIO}
        with pytest.raises(Unavailable):
            await kept.log.append([deployment(id="refused")])
        disk.faults = {}
        disk.writes.clear()
        await kept.log.append([deployment(id="after")])

    last_block = (good - 1) // 4096 * 4096
    assert last_block > 0
    assert disk.writes[0] == (last_block, good - last_block)


async def test_a_read_only_disk_is_served_from_and_refuses_writers(path: Path) -> None:
    file_of(path, [deployment(id="kept")])
    disk = FaultyDisk()
    disk.faults = {"open for writing": errno.EROFS}
    async with opened(path, disk=disk) as kept:
        assert kept.ids == ["kept"]
        assert kept.log.statistics().unavailable_since_ms == NOW_MS
        with pytest.raises(Unavailable, match="Read-only file system"):
            await kept.log.append([deployment(id="refused")])
        disk.faults = {}
        await kept.log.append([deployment(id="after")])
    assert await ids_after_restart(path) == ["kept", "after"]


async def test_a_torn_line_on_a_full_disk_is_cut_once_there_is_room(path: Path) -> None:
    lines = file_of(path, [deployment(id="kept")])
    put(path, b"".join(lines) + b"torn")
    disk = FaultyDisk()
    disk.faults = {"truncate": errno.EROFS}
    async with opened(path, disk=disk) as kept:
        assert kept.ids == ["kept"]
        disk.faults = {}
        await kept.log.append([deployment(id="after")])
    assert await ids_after_restart(path) == ["kept", "after"]


async def test_a_file_that_may_not_be_opened_is_one_clear_line(path: Path) -> None:
    disk = FaultyDisk()
    disk.faults = {"open for writing": errno.EACCES}
    with pytest.raises(SnapshotError, match=r"events cannot be used: Permission denied$"):
        SnapshotFile(path, disk=disk).open()


async def test_a_removed_file_is_written_again(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(path) as kept:
        await kept.log.append([deployment(id="before")])
        remove(path)
        await kept.log.append([deployment(id="after")])
        with pytest.raises(SnapshotError, match="in use"):
            SnapshotFile(path).open()
    assert caplog.messages == [f"snapshot file was removed or replaced, rewriting it path={path} found=None"]
    assert await ids_after_restart(path) == ["before", "after"]
    assert asides(path) == []


async def test_a_removed_folder_refuses_writers_until_it_is_back(path: Path) -> None:
    folder = path.parent / "folder"
    async with opened(folder / "events") as kept:
        await kept.log.append([deployment(id="before")])
        remove(folder / "events")
        folder.rmdir()
        with pytest.raises(Unavailable, match="No such file"):
            await kept.log.append([deployment(id="refused")])
        folder.mkdir()
        await kept.log.append([deployment(id="after")])
    assert await ids_after_restart(folder / "events") == ["before", "after"]


async def test_a_file_that_took_the_name_is_kept_aside(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(path) as kept:
        await kept.log.append([deployment(id="before")])
        other = path.with_name("other")
        put(other, b"a backup")
        other.replace(path)
        await kept.log.append([deployment(id="after")])
    assert await ids_after_restart(path) == ["before", "after"]
    (aside,) = asides(path)
    assert aside.name.startswith("events.displaced-")
    assert f"path={path} found={aside}" in caplog.text
    assert content(aside) == b"a backup"


async def test_a_file_that_another_daemon_holds_by_now_is_left_to_it(path: Path) -> None:
    async with opened(path) as kept:
        remove(path)
        async with opened(path):
            with pytest.raises(Unavailable, match="in use by another process"):
                await kept.log.append([deployment(id="refused")])
        await kept.log.append([deployment(id="after")])
    assert await ids_after_restart(path) == ["after"]


async def test_a_file_cut_by_someone_else_refuses_writers(path: Path) -> None:
    async with opened(path) as kept:
        await kept.log.append([deployment(id="before")])
        os.truncate(path, 10)
        with pytest.raises(Unavailable, match="truncated by another program"):
            await kept.log.append([deployment(id="refused")])
