"""Reading a file beside the daemon that writes it."""

from pathlib import Path

import pytest
from tests.builders import ManualClock, deployment, fields
from tests.storage.file.logs import asides, content, file_of, ids_after_restart, opened, put

from dora_exporter.dora.records import Record
from dora_exporter.storage.file import SnapshotError, SnapshotFile, encode, read
from dora_exporter.storage.file.line_format import frame
from dora_exporter.storage.file.scan import BLOCK_BYTES

EVENTS = [deployment(id=f"d{number}") for number in range(3)]


async def test_a_file_is_read_while_a_daemon_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "events"
    async with opened(path) as kept:
        await kept.log.append(EVENTS)
        assert fields(list(read(path))) == fields(EVENTS)


def test_a_line_half_written_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "events"
    lines = file_of(path, EVENTS)
    path.write_bytes(b"".join(lines)[:-20])
    assert fields(list(read(path))) == fields(EVENTS[:2])


def test_a_damaged_line_is_left_out_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "events"
    lines = file_of(path, EVENTS)
    path.write_bytes(b"".join([*lines[:2], b"rubbish\n", *lines[3:]]))
    assert fields(list(read(path))) == fields([EVENTS[0], EVENTS[2]])
    assert "lines=1" in caplog.text


def test_lines_longer_and_shorter_than_a_block_are_read(tmp_path: Path) -> None:
    path = tmp_path / "events"
    long = deployment(id="long", tags=tuple(f"tag:{number}" for number in range(BLOCK_BYTES // 4)))
    events = [deployment(id=f"before{number}") for number in range(2000)] + [long, *EVENTS]
    file_of(path, events)
    assert fields(list(read(path))) == fields(events)


async def replayed_from(path: Path, start: int) -> list[Record]:
    """What a replay gives that begins at a line, once the log was closed again."""
    log = SnapshotFile(path, clock=ManualClock())
    log.open()
    records = [record async for chunk in log.replay(start) for record in chunk]
    await log.start(lambda _: [])
    await log.append([deployment(id="appended")])
    await log.close()
    return records


async def test_a_replay_can_begin_at_a_line(tmp_path: Path) -> None:
    path = tmp_path / "events"
    lines = file_of(path, EVENTS)
    put(path, content(path) + b"torn")
    assert fields(await replayed_from(path, len(b"".join(lines[:3])))) == fields(EVENTS[2:])
    assert content(path) == b"".join([*lines, encode(deployment(id="appended"))])


async def test_a_replay_can_begin_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "events"
    lines = file_of(path, EVENTS)
    assert await replayed_from(path, len(b"".join(lines))) == []
    assert await ids_after_restart(path) == ["d0", "d1", "d2", "appended"]


async def test_damage_after_the_line_at_which_a_replay_began_costs_nothing_before_it(tmp_path: Path) -> None:
    path = tmp_path / "events"
    lines = file_of(path, EVENTS)
    put(path, b"".join([*lines[:3], b"rubbish\n", *lines[3:]]))
    assert fields(await replayed_from(path, len(b"".join(lines[:3])))) == fields(EVENTS[2:])
    assert len(asides(path)) == 1
    assert await ids_after_restart(path) == ["d0", "d1", "d2", "appended"]


@pytest.mark.parametrize(
    "foreign",
    [
        b"not ours\n",
        b"not ours",
        frame(b'{"type":"header","format":"dora-exporter-snapshot","version":2}') + b"\n",
        frame(b'{"type":"header","format":"other","version":1}') + b"\n",
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, foreign: bytes) -> None:
    path = tmp_path / "events"
    path.write_bytes(foreign)
    with pytest.raises(SnapshotError, match=r"events is not a snapshot file of version 1$"):
        list(read(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match=r"nowhere cannot be used: No such file or directory$"):
        list(read(tmp_path / "nowhere"))
