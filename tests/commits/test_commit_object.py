"""What is read in commit objects, honest and hostile ones."""

import hashlib
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.commits.histories import git

from dora_exporter.commits.git.commit_object import commit_of, is_sha, parents_of, target_of
from dora_exporter.dora.commit_messages import LONGEST_SUBJECT
from dora_exporter.dora.events import Commit

SHA = "ab" * 20
TREE = b"tree " + b"1" * 40 + b"\n"


def raw(*lines: bytes, message: bytes = b"Words\n") -> bytes:
    return TREE + b"\n".join(lines) + b"\n\n" + message


def author(moment: bytes) -> bytes:
    return b"author Ann <ann@example.test> " + moment + b" +0100"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (b"1700000000", 1_700_000_000_000),
        (b"0", 0),
        (b"-86400", None),
        (b"00000001700000000", 1_700_000_000_000),
        (b"253402300799", 253_402_300_799_000),
        (b"253402300800", None),
        (b"1700000000000000000", None),
        (b"9" * 5000, None),
        (b"soon", None),
        (b"", None),
    ],
)
def test_author_times(moment: bytes, expected: int | None) -> None:
    commit = commit_of(SHA, raw(author(moment)))
    assert (commit.authored_at if commit else None) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"Ann <ann@example.test> 1700000000 +051800", 1_700_000_000_000),
        (b"Ann <ann@example.test> 1700000000 -0000", 1_700_000_000_000),
        (b"Ann <ann@example.test> 1700000000 +9999999999", 1_700_000_000_000),
        (b"Ann <ann@example.test> 1700000000 +7", 1_700_000_000_000),
        (b"Ann <ann@example.test> 1700000000 +0100 and more", 1_700_000_000_000),
        (b"Ann <ann@example.test>1700000000+0100", 1_700_000_000_000),
        (b"Ann <ann> <ann@example.test> 1700000000 +0100", 1_700_000_000_000),
        (b"<> 1700000000 +0100", 1_700_000_000_000),
        (b"Ann <ann@example.test> 1700000000", None),
        (b"Ann <ann@example.test> 1700000000 UTC", None),
        (b"Ann <ann@example.test> 1700000000 +", None),
        (b"Ann 1700000000 +0100", None),
        (b"Ann <ann@example.test 1700000000 +0100", None),
    ],
)
def test_zones_change_no_time(line: bytes, expected: int | None) -> None:
    commit = commit_of(SHA, raw(b"author " + line))
    assert (commit.authored_at if commit else None) == expected


AUTHOR_LINES = st.tuples(
    st.sampled_from([b"", b"Ann ", b"Ann <", b"Ann >", b"> <"]),
    st.sampled_from([b"<ann@example.test>", b"<>", b"<a> <b>", b"<", b"", b"<a>>"]),
    st.sampled_from([b" ", b"", b"  ", b"\t", b" -"]),
    st.one_of(
        st.integers(0, 300_000_000_000).map(lambda each: b"%d" % each),
        st.sampled_from([b"", b"0", b"007", b"soon", b"9" * 13, b"9" * 19, b"-5", b"+5", b"1.5"]),
    ),
    st.sampled_from([b" ", b"", b"\t ", b" x"]),
    st.sampled_from(
        [b"+0100", b"-0000", b"+051800", b"", b"UTC", b"+", b"-1", b"0100", b"+99999999999", b"+01:00", b"Z"]
    ),
).map(b"".join)


@settings(max_examples=30, deadline=None)
@given(st.lists(AUTHOR_LINES, min_size=30, max_size=60, unique=True))
def test_a_commit_is_dated_as_git_dates_it(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        git(Path(folder), "init", "--quiet", "--bare", ".")
        commits = {store_loosely(Path(folder), each): each for each in (raw(b"author " + line) for line in lines)}
        given = "".join(f"{sha}\n" for sha in commits).encode()
        said = git(Path(folder), "log", "--no-walk=unsorted", "--stdin", "--format=%H %at", given=given)
    dates = {line.split()[0]: line.split()[1:] for line in said.splitlines()}
    assert dates.keys() == commits.keys()
    for sha, raw_commit in commits.items():
        seconds = int(dates[sha][0]) if dates[sha] else None
        expected = None if seconds is None or seconds >= 253_402_300_800 else seconds * 1000
        commit = commit_of(sha, raw_commit)
        assert (commit.authored_at if commit else None) == expected, raw_commit


def store_loosely(folder: Path, content: bytes) -> str:
    """Puts a commit of any content into a repository; returns its SHA."""
    told = b"commit %d\0%s" % (len(content), content)
    sha = hashlib.sha1(told, usedforsecurity=False).hexdigest()
    place = folder / "objects" / sha[:2] / sha[2:]
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(zlib.compress(told))
    return sha


@pytest.mark.parametrize(
    ("told", "target"),
    [
        (b"object " + b"a" * 40 + b"\ntype commit\n", b"\xaa" * 20),
        (b"object " + b"a" * 64 + b"\ntype tag\n", b"\xaa" * 32),
        (b"object " + b"a" * 41 + b"\n", None),
        (b"tag x\nobject " + b"a" * 40 + b"\n", None),
        (b"", None),
    ],
)
def test_what_a_tag_points_to(told: bytes, target: bytes | None) -> None:
    assert target_of(told) == target


def test_a_message_is_no_header() -> None:
    assert commit_of(SHA, raw(b"committer nobody", message=author(b"1700000000"))) is None


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        (b"One\n", "One"),
        (b"\n\n  One\ntwo\n\nthree", "One two"),
        (b"", None),
        (b"\x07\x1b[31m", "[31m"),
        (b"x" * 10_000, "x" * LONGEST_SUBJECT),
        ("Größe".encode(), "Größe"),
        ("Größe".encode("latin-1"), "Gr\ufffd\ufffde"),
    ],
)
def test_subjects(message: bytes, subject: str | None) -> None:
    assert commit_of(SHA, raw(author(b"5"), message=message)) == Commit(SHA, 5000, subject=subject)


@pytest.mark.parametrize("name", [b"ISO-8859-1", b"latin1", b"cp1252"])
def test_messages_may_be_in_another_encoding(name: bytes) -> None:
    commit = commit_of(SHA, raw(author(b"5"), b"encoding " + name, message="Größe".encode("latin-1")))
    assert commit is not None
    assert commit.subject == "Größe"


@pytest.mark.parametrize("name", [b"zip", b"hex", b"idna", b"punycode", b"unicode_escape", b"iso-8859-99"])
def test_odd_encodings_are_not_tried(name: bytes) -> None:
    commit = commit_of(SHA, raw(author(b"5"), b"encoding " + name, message=rb"\x41"))
    assert commit is not None
    assert commit.subject == r"\x41"


@pytest.mark.parametrize(
    ("said", "reverted"),
    [
        (f"This reverts commit {SHA}.", SHA),
        (f"This reverts commit {SHA}, reversing\nchanges made to {'cd' * 20}.", SHA),
        (f"This reverts commit {'ab' * 32}.", "ab" * 32),
        (f"This reverts commit {SHA[:12]}.", SHA[:12]),
        (f"This reverts commit {SHA}abc", None),
        (f"It reverts {SHA}", None),
    ],
)
def test_reverts(said: str, reverted: str | None) -> None:
    commit = commit_of(SHA, raw(author(b"5"), message=f"Revert\n\n{said}\n".encode()))
    assert commit is not None
    assert commit.reverts == reverted


def test_parents_stand_in_front() -> None:
    parents = [b"a" * 40, b"b" * 40]
    lines = [b"parent " + each for each in parents]
    told = raw(*lines, author(b"5"), b"parent " + b"c" * 40, message=b"parent " + b"d" * 40 + b"\n")
    assert parents_of(told) == tuple(bytes.fromhex(each.decode()) for each in parents)


@pytest.mark.parametrize("parent", [b"", b"HEAD", b"z" * 40, b"a" * 39, b"a" * 41, b"\xff" * 40, b"-" * 40])
def test_what_is_no_parent_is_none(parent: bytes) -> None:
    assert parents_of(raw(b"parent " + parent, author(b"5"))) == ()


@given(st.binary(max_size=300))
def test_nothing_that_is_no_commit_raises(told: bytes) -> None:
    parents_of(told)
    commit_of(SHA, told)


@given(st.text(max_size=70))
def test_only_hexadecimal_digits_make_a_sha(text: str) -> None:
    expected = len(text) in (40, 64) and set(text) <= set("0123456789abcdef")
    assert is_sha(text) == expected
