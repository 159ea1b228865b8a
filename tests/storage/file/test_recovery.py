"""Starting with files that were cut, damaged, or are not ours."""

import os
from errno import ENOSPC
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import deployment
from tests.storage.file.logs import FaultyDisk, asides, content, file_of, ids_after_restart, opened, put

from dora_exporter.dora.event_log import Unavailable
from dora_exporter.storage.file import SnapshotError, encode, header_line
from dora_exporter.storage.file.line_format import frame

EVENTS = [deployment(id=f"d{number}") for number in range(4)]
IDS = [event.id for event in EVENTS]
LINES = [header_line(), *map(encode, EVENTS)]
WHOLE = b"".join(LINES)
FOREIGN_RECORD = frame(b'{"type":"comet"}') + b"\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events"


@pytest.mark.parametrize("held", [None, b"", header_line()[:1], header_line()[:-1], header_line()])
async def test_a_file_without_records_begins_with_a_header(path: Path, held: bytes | None) -> None:
    if held is not None:
        put(path, held)
    async with opened(path) as kept:
        await kept.log.append(EVENTS)
    assert content(path) == WHOLE
    assert asides(path) == []


async def test_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "events"
    async with opened(path):
        assert content(path) == header_line()


@pytest.mark.parametrize("kept_bytes", [1, 30, len(LINES[-1]) - 2])
async def test_a_torn_last_line_is_cut_off_with_a_warning(
    path: Path, kept_bytes: int, caplog: pytest.LogCaptureFixture
) -> None:
    put(path, b"".join(LINES[:-1]) + LINES[-1][:kept_bytes])
    async with opened(path) as kept:
        assert kept.ids == IDS[:-1]
        assert kept.log.statistics().lines_lost == 0
        await kept.log.append(EVENTS[-1:])
    assert f"torn last line truncated path={path} bytes={kept_bytes}" in caplog.text
    assert content(path) == WHOLE
    assert asides(path) == []


@pytest.mark.parametrize("bit", range(8))
async def test_a_last_line_whose_newline_is_damaged_is_kept(path: Path, bit: int) -> None:
    put(path, WHOLE[:-1] + bytes([WHOLE[-1] ^ 1 << bit]))
    async with opened(path) as kept:
        assert kept.ids == IDS
        await kept.log.append([deployment(id="after")])
    assert await ids_after_restart(path) == [*IDS, "after"]


async def test_a_last_line_that_lacks_only_its_newline_is_kept(path: Path) -> None:
    put(path, WHOLE[:-1])
    async with opened(path) as kept:
        assert kept.ids == IDS
    assert content(path) == WHOLE


@pytest.mark.parametrize(
    ("held", "reason", "kept_ids", "lost"),
    [
        (b"".join([*LINES[:2], b"rubbish\n", *LINES[2:]]), "damaged", IDS, 1),
        (b"".join([*LINES[:2], b"\n\0\0\n", *LINES[3:]]), "damaged", [IDS[0], *IDS[2:]], 2),
        (b"".join([*LINES, b"rubbish\n"]), "damaged", IDS, 1),
        (b"".join([*LINES, b"rubbish\n", LINES[1][:9]]), "damaged", IDS, 1),
        (b"".join([*LINES[:3], FOREIGN_RECORD, *LINES[3:]]), "damaged", IDS, 1),
        (b"".join([*LINES, FOREIGN_RECORD[:-1]]), "damaged", IDS, 1),
        (b"".join([b"rubbish\n", *LINES[1:]]), "damaged", IDS, 1),
        (b"".join(LINES[1:]), "damaged", IDS, 0),
        (b"".join(LINES[2:])[:-1], "damaged", IDS[1:], 0),
        (b"my diary\nsecond page\n", "damaged", [], 2),
        (b"my diary", "damaged", [], 1),
        (WHOLE.replace(header_line(), frame(header_line()[27:-2].replace(b"1", b"2")) + b"\n"), "version-2", IDS, 0),
    ],
)
async def test_a_damaged_or_foreign_file_is_set_aside_and_what_is_readable_kept(
    path: Path, held: bytes, reason: str, kept_ids: list[str], lost: int
) -> None:
    put(path, held)
    async with opened(path) as kept:
        assert kept.ids == kept_ids
        assert kept.log.statistics().lines_lost == lost
        (aside,) = asides(path)
        assert aside.name == f"events.{reason}-20250615T150640Z"
        assert content(aside) == held
    assert content(path) == header_line() + b"".join(LINES[1 + IDS.index(each)] for each in kept_ids)
    assert await ids_after_restart(path) == kept_ids
    assert asides(path) == [aside]


async def test_one_log_line_says_what_was_lost(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(path, WHOLE + b"rubbish\n" + LINES[1][:9])
    await ids_after_restart(path)
    (message,) = [record.getMessage() for record in caplog.records if record.name.startswith("dora_exporter")]
    assert message == (
        f"snapshot file set aside reason=damaged kept_as={path}.damaged-20250615T150640Z"
        f" lines_lost=1 first_at_byte={len(WHOLE)} torn_bytes=9"
    )


async def test_what_was_set_aside_before_is_not_overwritten(path: Path) -> None:
    contents = [b"one\n", b"two\n", b"three\n"]
    for held in contents:
        put(path, held)
        await ids_after_restart(path)
    assert sorted(content(each) for each in asides(path)) == sorted(contents)


async def test_a_file_system_without_hard_links_gets_a_copy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    for held in (b"one\n", b"two\n"):
        put(path, held)
        await ids_after_restart(path)
    assert sorted(content(each) for each in asides(path)) == [b"one\n", b"two\n"]


async def test_a_damaged_file_that_cannot_be_rewritten_is_served_from_until_it_can(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk, damaged = FaultyDisk(), WHOLE + b"rubbish\n"
    disk.room = 20
    put(path, damaged)
    async with opened(path, disk=disk) as kept:
        assert kept.ids == IDS
        assert kept.log.statistics().lines_lost == 1
        error = f"[Errno {ENOSPC}] No space left on device"
        assert f"cannot set the damaged snapshot file aside yet path={path} error={error!r}" in caplog.messages
        with pytest.raises(Unavailable, match="No space left"):
            await kept.log.append([deployment(id="refused")])
        assert content(path) == damaged
        disk.room = None
        await kept.log.append([deployment(id="after")])
        (aside,) = asides(path)
        assert content(aside) == damaged
    assert await ids_after_restart(path) == [*IDS, "after"]


async def test_leftovers_of_a_dead_process_are_removed(path: Path) -> None:
    file_of(path, EVENTS)
    for ending in ("compacting", "rewriting"):
        path.with_name(f"events.{ending}").write_bytes(b"half")
    assert await ids_after_restart(path) == IDS
    assert asides(path) == []


async def test_a_folder_in_its_place_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match=r"cannot be used: Is a directory$"):
        async with opened(tmp_path):
            pass


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, len(WHOLE) * 8 - 1), min_size=1, max_size=6, unique=True), st.integers(0, 400))
async def test_flipped_bits_and_a_cut_lose_no_line_that_they_spare(bits: list[int], cut: int) -> None:
    flipped = bytearray(WHOLE)
    for bit in bits:
        flipped[bit // 8] ^= 1 << bit % 8
    damaged = bytes(flipped[: len(flipped) - cut])
    spared = [event.id for event, line in zip(EVENTS, LINES[1:], strict=True) if b"\n" + line in damaged]
    with TemporaryDirectory() as folder:
        path = Path(folder, "events")
        put(path, damaged)
        async with opened(path) as kept:
            assert set(kept.ids) >= set(spared)
            await kept.log.append([deployment(id="later")])
            left = asides(path)
        assert await ids_after_restart(path) == [*kept.ids]
        assert left in ([], [each for each in asides(path) if content(each) == damaged])


async def test_a_file_that_was_there_was_last_written_when_its_system_says(path: Path) -> None:
    async with opened(path) as kept:
        assert kept.log.statistics().last_write_ms is None
        await kept.log.append([deployment(id="a")])
    os.utime(path, (1_700_000_000, 1_700_000_000))

    async with opened(path) as kept:
        assert kept.log.statistics().last_write_ms == 1_700_000_000_000
