"""Commits' messages in the forms that Git and the hosts of repositories write."""

import pytest

from dora_exporter.dora.commit_messages import (
    is_revert,
    key_of,
    named_reverts,
    number_of,
    parse_commit,
    quoted_by,
    subject_of,
)

A, B, C = "a1" * 20, "b2" * 20, "c3" * 32


def said(message: str) -> tuple[str, ...]:
    return named_reverts(parse_commit("0" * 40, 0, message))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (f'Revert "Round up"\n\nThis reverts commit {A}.', (A,)),
        (f"Take it back\n\nthis reverts commit\n{A.upper()}", (A,)),
        (f"Revert x\n\nThis reverts commit {C}.", (C,)),
        (f"Revert x\r\n\r\nThis reverts commit {A},\r\nreversing changes made to {B}.", (A,)),
        (f"Revert \"Merge branch 'x'\"\n\nThis reverts commit {A}, reversing\nchanges made to {B}.", (A,)),
        ("x\n\nThis reverts commit a1a1a1a.", ("a1a1a1a",)),
        ("x\n\nThis reverts commit a1a1a1a1a1 (Round up, 2026-01-01).", ("a1a1a1a1a1",)),
        ("x\n\nThis reverts commit `a1a1a1a`", ("a1a1a1a",)),
        (f"x\n\nThis reverts commit https://git.example/shop/commit/{A}.", (A,)),
        (f"x\n\nThis reverts commit shop/web@{A}", (A,)),
        (f"x\n\n* one\n\nThis reverts commit {A}.\n\n* two\n\nThis reverts commit {B}.", (A, B)),
        (f"x\n\nThis reverts commits {A}, b2b2b2b and {C}.", (A, "b2b2b2b", C)),
        (f"x\n\nThis reverts commit {A}.\n\nThis reverts commit {A}.", (A,)),
        ('Revert "Round up" (#13)\n\nReverts acme/shop#12', ("#12",)),
        ("x\n\nReverts #12, #13 and acme/2024#14.", ("#12", "#13", "#14")),
        ("x\n\nReverts https://git.example/acme/shop/pull/12", ("#12",)),
        ("Revert \"Merge branch 'x' into 'main'\"\n\nThis reverts merge request !12", ("#12",)),
        ('Revert "Round up (pull request #12)"\n\nThis reverts pull request #12.\n\n> Round up', ("#12",)),
        ("Revert 'Round up'\n\nReverts !12", ("#12",)),
        (f"x (#9)\n\nThis reverts commit {A}.\n\nReverts acme/shop#12", (A, "#12")),
        ('x\n\n* Revert "One"\n* Revert "Two" (#8)', ('Revert "One"', 'Revert "Two" (#8)')),
        ('Revert "One"', ()),
        ("Say that this reverts commit ordering, and reverts 12 things", ()),
        ("x\n\nThis reverts commit 12345", ()),
        ("", ()),
    ],
)
def test_what_a_message_takes_back(message: str, expected: tuple[str, ...]) -> None:
    assert said(message) == expected


def test_one_sha_is_kept_as_it_always_was() -> None:
    assert parse_commit("0" * 40, 0, f"x\n\nThis reverts commit {A}.").reverts == A
    assert parse_commit("0" * 40, 0, "x").reverts is None


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        ("Round up\n\nBecause.", "Round up"),
        ("\n\n  Round\n up  \n \nBecause.", "Round up"),
        ("Round up\r\nall prices\r\n\r\nBecause.", "Round up all prices"),
        ("Round\tup\x1b", "Round up"),
        ("x" * 400, "x" * 300),
        (" \n ", None),
        ("Round up (#12)", "Round up (#12)"),
        ("Merge pull request #12 from acme/prices\n\nRound up", "Round up (#12)"),
        ("Merge pull request #12 from acme/prices", "Merge pull request #12 from acme/prices (#12)"),
        ("Merge pull request #12 in ACME/shop from prices to main\n\n* commit", "* commit (#12)"),
        ("Merged in prices (pull request #12)\n\n\n\nRound up\n\nApproved-by: Ada", "Round up (#12)"),
        ("Merged in prices (pull request #12)", "Merged in prices (#12)"),
        ("Merged PR 12: Round up\n\nRelated work items: #3", "Round up (#12)"),
        ("Pull request #12: Round up\n\nMerge in ACME/shop", "Round up (#12)"),
        ("Merge pull request 'Round up' (#12) from prices into main", "Round up (#12)"),
        ("Merge branch 'prices' into 'main'\n\nRound up\n\nSee merge request acme/shop!12", "Round up (#12)"),
        (
            "Merge branch 'prices' into 'main'\n\nSee merge request acme/shop!12",
            "Merge branch 'prices' into 'main' (#12)",
        ),
        ("Merge branch 'prices'", "Merge branch 'prices'"),
    ],
)
def test_what_a_commit_is_called(message: str, subject: str | None) -> None:
    assert subject_of(message) == subject


@pytest.mark.parametrize(
    ("text", "quoted", "reverts"),
    [
        ("Round up", None, False),
        ('Revert "Round up"', "Round up", True),
        ('Revert "Round up (#7)" (#8)', "Round up (#7)", True),
        ("Revert 'Round up'", "Round up", True),
        ('revert "Round up"', "Round up", True),
        ('Revert "Revert "Round up""', 'Revert "Round up"', False),
        ('Revert "Revert "Revert "Round up"""', 'Revert "Revert "Round up""', True),
        ('Reapply "Round up"', 'Revert "Round up"', False),
        ('Revert "Reapply "Round up""', 'Reapply "Round up"', True),
        ('Reapply "Reapply "Round up""', 'Revert "Reapply "Round up""', False),
        ('Revert^2 "Round up"', 'Revert "Round up"', False),
        ('Revert^3 "Round up"', 'Revert^2 "Round up"', True),
        ("Revert the order of items", None, False),
    ],
)
def test_whether_a_subject_takes_back_or_brings_back(text: str, quoted: str | None, *, reverts: bool) -> None:
    assert quoted_by(text) == quoted
    assert is_revert(text) == reverts


@pytest.mark.parametrize(
    ("subject", "number", "key"),
    [
        ("Round up", None, "Round up"),
        ("Round up (#12)", "12", "Round up"),
        ("Round up (!12)", "12", "Round up"),
        ("Round up (acme/shop!12)", "12", "Round up"),
        ("Round up (pull request #12)", "12", "Round up"),
        ("Merged PR 12: Round up", "12", "Round up"),
        ("Merge pull request #12 from acme/prices", "12", "Merge pull request #12 from acme/prices"),
        ("x" * 300, None, "x" * 200),
    ],
)
def test_by_what_a_commit_is_found(subject: str, number: str | None, key: str) -> None:
    assert number_of(subject) == number
    assert key_of(subject) == key


@pytest.mark.parametrize(
    "message",
    [
        "this reverts commit " * 50_000,
        "this " * 100_000 + " " * 300_000,
        "reverts " + "#" * 1_000_000,
        "this reverts commit " + "a/" * 500_000,
        "this reverts commit " + "abcdef1, " * 100_000,
        '* Revert "' * 100_000,
        "\n \t" * 300_000,
        "Tidy up\n\n" + " " * 1_000_000 + "revert",
        "Tidy up\n\n" + "\t* " * 300_000 + "revert",
        "Merged in " + "x" * 1_000_000,
    ],
)
def test_no_message_takes_long_or_says_much(message: str) -> None:
    assert len(said(message)) <= 100
    assert len(subject_of(message) or "") <= 300


def test_a_message_is_read_as_far_as_people_would() -> None:
    said_late = "This reverts commit " + "a1" * 20 + "."
    assert said("Tidy up\n\n" + "x" * 60_000 + "\n" + said_late) == ("a1" * 20,)
    assert said("Tidy up\n\n" + "x" * 70_000 + "\n" + said_late) == ()
