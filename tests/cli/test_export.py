"""What is exported is all that the log holds, and comes back whole."""

import subprocess
from pathlib import Path

import pytest
from tests.builders import NOW_MS, deployment, incident
from tests.cli.calling import NAME, Called, call, command, environment, kept, state, store_of
from tests.storage.file.logs import opened

from dora_exporter.dora.events import Commit, Remediation, Shipped, Verdict
from dora_exporter.dora.records import Batch, Cursor, Deletion, Judgement, Record, Resolution, SeriesOrder
from dora_exporter.storage.file import header_line

SHA = "a" * 40
SHIPPED = Shipped("git.example.com/shop", SHA, commits=(Commit("b" * 40, NOW_MS),))
ALL_KINDS: list[Record] = [
    SeriesOrder((("cart", "production"), ("checkout", "production"))),
    deployment(id="judged", version="v1"),
    Judgement("judged", Verdict(change_failure=True, remediation=Remediation("rollback", version="v0"))),
    deployment(id="resolved", commit_sha=SHA, repository=SHIPPED.repository),
    Resolution("resolved", SHIPPED),
    Batch((incident(id="one", services=("cart",)), Cursor("pagerduty", {"since": NOW_MS, "pages": ["x"]}))),
    incident(id="pagerduty:two", source="pagerduty", revision=3, upstream={"urgency": "high"}),
    Deletion("incident", "pagerduty:two", at=NOW_MS, source="pagerduty"),
    deployment(id="gone"),
    Deletion("deployment", "gone", at=NOW_MS),
]


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return kept(tmp_path / NAME, ALL_KINDS)


def test_an_export_taken_into_an_empty_file_leaves_an_equal_store(snapshot: Path, called: Called) -> None:
    assert called("export", f"--snapshot.path={snapshot}", "--output=all").code == 0
    ended = called("import", "all", "--snapshot.path=other")
    assert (ended.code, ended.errors) == (0, "")
    assert ended.output == "5 created, 2 updated, 0 unchanged, 2 deleted; 0 wrong\n"
    original = state(store_of(snapshot))
    assert state(store_of(Path("other"))) == original
    assert store_of(snapshot).deployments["resolved"].shipped == SHIPPED
    assert all(original), "each kind of record is there"


def test_without_a_file_it_goes_to_standard_output_in_the_snapshot_format(snapshot: Path) -> None:
    ended = call("export", f"--snapshot.path={snapshot}", folder=snapshot.parent)
    assert (ended.code, ended.errors) == (0, "")
    assert ended.output.encode() == snapshot.read_bytes()


def test_a_log_without_records_is_exported_as_its_header(tmp_path: Path, called: Called) -> None:
    path = kept(tmp_path / NAME)
    assert called("export", f"--snapshot.path={path}", "--output=all").code == 0
    assert Path("all").read_bytes() == header_line()


async def test_it_reads_beside_the_daemon_that_holds_the_file(tmp_path: Path) -> None:
    path = tmp_path / NAME
    async with opened(path) as daemon:
        await daemon.log.append(ALL_KINDS)
        ended = call("export", f"--snapshot.path={path}", folder=tmp_path)
    assert ended.code == 0
    assert ended.output.encode() == path.read_bytes()


def test_a_line_that_cannot_be_read_is_left_out_with_a_warning(snapshot: Path) -> None:
    lines = snapshot.read_bytes().splitlines(keepends=True)
    snapshot.write_bytes(b"".join([*lines[:3], b"rubbish\n", *lines[3:]]))
    ended = call("export", f"--snapshot.path={snapshot}", folder=snapshot.parent)
    assert ended.code == 0
    assert ended.output.encode() == b"".join(lines)
    assert "unreadable lines skipped" in ended.errors


def test_the_snapshot_file_is_not_written_over(snapshot: Path, called: Called) -> None:
    before = snapshot.read_bytes()
    ended = called("export", f"--snapshot.path={snapshot}", f"--output={snapshot}")
    assert (ended.code, ended.errors) == (1, f"{snapshot} is the snapshot file itself\n")
    assert snapshot.read_bytes() == before


def test_an_export_that_fails_leaves_the_earlier_file(called: Called) -> None:
    Path("earlier").write_text("precious")
    ended = called("export", "--snapshot.path=absent", "--output=earlier")
    assert (ended.code, ended.output) == (1, "")
    assert ended.errors == "snapshot file absent cannot be used: No such file or directory\n"
    assert Path("earlier").read_text() == "precious"
    assert [each.name for each in Path().iterdir()] == ["earlier"]


def test_a_file_of_another_kind_is_refused(called: Called) -> None:
    Path("other").write_text("hello\n")
    ended = called("export", "--snapshot.path=other")
    assert (ended.code, ended.output) == (1, "")
    assert ended.errors == "other is not a snapshot file of version 1\n"


def test_a_reader_that_has_seen_enough_is_no_reason_for_a_traceback(snapshot: Path) -> None:
    kept(snapshot, [deployment(id=f"number-{number:09}") for number in range(20_000)])
    exporting = command("export", f"--snapshot.path={snapshot}")
    with subprocess.Popen(exporting, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
