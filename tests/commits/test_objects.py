"""What is read in commit objects, honest and hostile ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.commits.objects import SUBJECT_LENGTH, commit_of, is_sha, parents_of
from dora_exporter.events import Commit

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
        (b"-86400", -86_400_000),
        (b"1700000000000000000", None),
        (b"soon", None),
        (b"", None),
    ],
)
def test_author_times(moment: bytes, expected: int | None) -> None:
    commit = commit_of(SHA, raw(author(moment)))
    assert (commit.authored_at if commit else None) == expected


def test_a_message_is_no_header() -> None:
    assert commit_of(SHA, raw(b"committer nobody", message=author(b"1700000000"))) is None


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        (b"One\n", "One"),
        (b"\n\n  One\ntwo\n\nthree", "One two"),
        (b"", None),
        (b"\x07\x1b[31m", "[31m"),
        (b"x" * 10_000, "x" * SUBJECT_LENGTH),
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
        (f"This reverts commit {SHA[:12]}.", None),
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
