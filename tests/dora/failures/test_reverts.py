"""Reverts in every form, and what is landed again, whatever comes and goes in whatever order."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.builders import DAY_MS, HOUR_MS, NOW_MS, deployment, done
from tests.dora.failures.test_rules import NoUpdates, days, failures, judged, shipping
from tests.oracle import reverts

from dora_exporter.app.failure_rules import FailureSettings, RuleSettings, rules
from dora_exporter.dora.commit_messages import parse_commit
from dora_exporter.dora.events import Commit, Deployment, PullRequest, Shipped
from dora_exporter.dora.failures.classifier import Classifier
from dora_exporter.dora.failures.order import by_finish

A, B, C, D = ("a1" * 20, "b2" * 20, "c3" * 20, "d4" * 20)
NOTHING_ELSE = FailureSettings.model_validate({"rules": [], "rollback": {"enabled": False}})


def series(*messages: str | tuple[str, ...]) -> list[Deployment]:
    """Deployments v0, v1, ... of a day each. The SHAs of their commits are ``A``, ``B`` and so on."""
    shas = (f"{letter}{number}" * 20 for number in range(1, 9) for letter in "abcdef"[number - 1 : number])
    shipped = []
    for each, said in zip(days(*(f"v{day}" for day in range(len(messages)))), messages, strict=True):
        given = (said,) if isinstance(said, str) else said
        shipped.append(
            replace(each, commits=tuple(parse_commit(next(shas), each.started_at, message) for message in given))
        )
    return shipped


def told(classifier: Classifier) -> tuple[list[str], list[str]]:
    """The deployments that failed by a revert, and those that are rework."""
    held = classifier.in_order.by_finish
    return list(failures(classifier)), [each.id for each in held if classifier.facts(each).rework]


@pytest.mark.parametrize(
    ("messages", "failed", "reworks"),
    [
        (["Round up", f'Revert "Round up"\n\nThis reverts commit {A}.'], ["d0"], ["d1"]),
        (["Round up", f"Take it back\n\nThis reverts commit {A[:7]}."], ["d0"], ["d1"]),
        (["Round up", f"Take it back\n\nThis reverts commit {A[:8]} (Round up, 2026-01-01)."], ["d0"], ["d1"]),
        (["Round up", 'Revert "Round up"'], ["d0"], ["d1"]),
        (["Round up (#7)", 'Revert "Round up (#7)" (#8)'], ["d0"], ["d1"]),
        (["Round up (#7)", "Take it back (#8)\n\nReverts acme/shop#7"], ["d0"], ["d1"]),
        (["Round up", 'Revert "Round up" (#8)\n\nReverts acme/shop#7'], ["d0"], ["d1"]),
        (["Round up", "Revert 'Round up'"], ["d0"], ["d1"]),
        (["Merged PR 7: Round up", "Merged PR 8: Revert 'Merged PR 7: Round up'"], ["d0"], ["d1"]),
        (["Round up\nall prices", 'Revert "Round up\nall prices"'], ["d0"], ["d1"]),
        (["Round up\nall prices", 'Revert "Round up all prices"'], ["d0"], ["d1"]),
        (["x" * 290, f'Revert "{"x" * 290}"'], ["d0"], ["d1"]),
        (
            [
                "Merge branch 'p' into 'main'\n\nRound up\n\nSee merge request acme/shop!7",
                "Revert \"Merge branch 'p' into 'main'\"\n\nThis reverts merge request !7",
            ],
            ["d0"],
            ["d1"],
        ),
        (
            ["Merge pull request #7 from acme/prices\n\nRound up", 'Revert "Merge pull request #7 from acme/prices"'],
            ["d0"],
            ["d1"],
        ),
        (["Merge pull request #7 from acme/prices\n\nRound up", 'Revert "Round up" (#8)'], ["d0"], ["d1"]),
        (
            ["Merged in prices (pull request #7)\n\nRound up", 'Revert "Round up (pull request #7)"\n\nx'],
            ["d0"],
            ["d1"],
        ),
        (["One", "Two", "x", f"Both\n\nThis reverts commit {A}.\n\nThis reverts commit {B}."], ["d0", "d1"], ["d3"]),
        (["One", "Two", 'Both\n\n* Revert "One"\n* Revert "Two"'], ["d0", "d1"], ["d2"]),
        (["Round up", "x", f"Mend\n\nThis reverts commit {D}."], [], []),
        (["Round up", f"Undo\n\nThis reverts commit {A}.", f"Redo\n\nThis reverts commit {B}."], ["d0"], ["d1"]),
        (["Round up", 'Revert "Round up"', 'Reapply "Round up"'], ["d0"], ["d1"]),
        (["Round up", 'Revert "Round up"', 'Revert "Revert "Round up""'], ["d0"], ["d1"]),
        (["Round up", 'Revert "Round up"', 'Revert^2 "Round up"', 'Revert^3 "Round up"'], ["d0", "d2"], ["d1", "d3"]),
        (
            ["Round up", 'Revert "Round up"', 'Reapply "Round up"', 'Revert "Reapply "Round up""'],
            ["d0", "d2"],
            ["d1", "d3"],
        ),
        (
            [
                "Round up",
                f"Undo\n\nThis reverts commit {A}.",
                f"Redo\n\nThis reverts commit {B}.",
                f"Undo\n\nThis reverts commit {C}.",
                f"Redo\n\nThis reverts commit {D}.",
            ],
            ["d0", "d2"],
            ["d1", "d3"],
        ),
        ([f"Undo\n\nThis reverts commit {D}.", f"Redo\n\nThis reverts commit {A}."], [], []),
        (['Revert "Long ago"', 'Reapply "Long ago"'], [], []),
        (["Round up (#7)", 'Revert "Round up (#7)" (#8)', 'Revert "Revert "Round up (#7)" (#8)" (#9)'], ["d0"], ["d1"]),
        (["Round up", ("Lint", f"Undo\n\nThis reverts commit {A}.", f"Redo\n\nThis reverts commit {C}.")], [], []),
        (["Bump", 'Revert "Bump"', "Bump", 'Revert "Bump"'], ["d0", "d2"], ["d1", "d3"]),
        (["Round up", ("Round up", 'Revert "Round up"')], [], []),
    ],
)
def test_what_is_taken_back_failed_and_what_is_landed_again_blames_nobody(
    messages: list[str | tuple[str, ...]], failed: list[str], reworks: list[str]
) -> None:
    assert told(judged(*series(*messages), settings=NOTHING_ELSE)) == (failed, reworks)


reverting_the_first = pytest.mark.parametrize(
    "fix",
    [
        f"Undo\n\nThis reverts commit {A}.",
        f"Undo\n\nThis reverts commit {A[:9]}.",
        "Undo\n\nReverts acme/shop#7",
        'Revert "Round up"',
    ],
)


@reverting_the_first
def test_what_is_taken_back_may_be_told_late_and_be_taken_away(fix: str) -> None:
    first, second, third, fourth = series("Round up (#7)", "Two", "Three", fix)
    classifier = judged(second, third, fourth)
    assert told(classifier) == ([], [])

    done(classifier.adding(first))
    done(classifier.settling())
    assert told(classifier) == (["d0"], ["d3"])

    done(classifier.removing(first))
    done(classifier.settling())
    assert told(classifier) == ([], [])


@reverting_the_first
def test_of_a_series_that_is_taken_away_no_link_and_nothing_looked_up_is_kept(fix: str) -> None:
    deployments = series("Round up (#7)", "Two", "Three", fix)
    classifier = judged(*deployments)
    assert any(classifier.links.parts())

    for each in deployments:
        done(classifier.removing(each))
        done(classifier.settling())
    assert not any(classifier.links.parts())


def test_a_chain_of_reverts_is_followed_when_its_beginning_is_told_late() -> None:
    undo, redo = f"Undo\n\nThis reverts commit {A}.", f"Mend\n\nThis reverts commit {C}."
    first, _, third, _, fifth = series("Round up", "x", undo, "y", redo)
    plain = replace(third, commits=(parse_commit(C, third.started_at, "Plain"),), id="early")
    early = replace(plain, started_at=first.started_at - DAY_MS, finished_at=first.finished_at - DAY_MS)
    classifier = judged(first, third, fifth, settings=NOTHING_ELSE)
    assert told(classifier) == (["d0"], ["d2"])

    done(classifier.adding(early))
    done(classifier.settling())
    assert told(classifier) == (["early"], ["d4"])


def test_an_abbreviation_that_two_commits_share_names_neither() -> None:
    first, second, third = series("One", "Two", f"Undo\n\nThis reverts commit {A[:9]}.")
    twin = replace(second, commits=(Commit(A[:12] + "0" * 28, second.started_at, "Two"),))

    assert told(judged(first, second, third)) == (["d0"], ["d2"])
    assert told(judged(first, twin, third)) == ([], [])


@pytest.mark.parametrize("named", [C, C[:10]])
def test_a_revert_of_a_merge_blames_the_deployment_that_shipped_or_deployed_it(named: str) -> None:
    first, second, third, fourth = days("v1", "v2", "v3", "v4")
    fix = replace(fourth, commits=(parse_commit(D, fourth.started_at, f"Undo\n\nThis reverts commit {named}."),))
    merged = Shipped("git.example/shop", B, (Commit(A, 0, "Half"),), merges=(Commit(C, 0, "Merge branch 'x'"),))

    assert list(failures(judged(first, replace(second, shipped=merged), third, fix))) == ["d1"]
    assert list(failures(judged(first, replace(second, commit_sha=C), third, fix))) == ["d1"]


def test_taking_back_the_merge_of_a_revert_lands_it_again() -> None:
    first, second, third = series("Round up", 'Revert "Round up"', f"Redo\n\nThis reverts commit {D}.")

    assert told(judged(first, replace(second, commit_sha=D), third)) == (["d0"], ["d1"])


def test_of_two_merges_the_one_that_brought_a_revert_is_landed_again_when_it_is_taken_back() -> None:
    """What another merge brought to the same deployment says nothing about it."""
    first, second, third = series("Round up", "x", f"Redo\n\nThis reverts commit {D}.")
    undo = replace(parse_commit(B, second.started_at, 'Revert "Round up"'), via=D)
    other = Commit("f6" * 20, second.started_at, "Lint", via="e5" * 20)
    merges = tuple(Commit(sha, second.started_at, "Merge branch 'x'") for sha in (D, "e5" * 20))
    merged = Shipped("git.example/shop", D, (undo, other), merges=merges)

    assert told(judged(first, replace(second, commits=None, shipped=merged), third)) == (["d0"], ["d1"])


def test_the_title_of_a_pull_request_is_enough() -> None:
    first, second = days("v1", "v2")
    bad = shipping(first, "One", "Two", pull_requests=(PullRequest(NOW_MS, number=7, title="Round up"),))
    fix = shipping(second, "x", pull_requests=(PullRequest(NOW_MS, number=8, title='Revert "Round up"'),))

    assert failures(judged(bad, fix)) == {"d0": "revert"}


@pytest.mark.parametrize("message", ["Hotfix: no negative prices (#42)", 'Revert "Base"'])
def test_a_commit_that_is_reported_again_speaks_once(message: str) -> None:
    first, second = series("Base", message)
    again = replace(
        second, id="again", started_at=second.started_at + HOUR_MS, finished_at=second.finished_at + HOUR_MS
    )
    renamed = replace(again, version="v1.1")

    for repeated in (again, renamed):
        assert list(failures(judged(first, second, repeated))) == ["d0"]
        assert list(failures(judged(first, repeated, second))) == ["d0"]


@pytest.mark.parametrize("field", ["version", "tag"])
def test_a_redeployment_is_never_the_remedy_of_the_one_before(field: str) -> None:
    first, second, third = (replace(each, tags=("v2-fix",)) for each in days("v1", "v2-fix", "v2-fix"))
    settings_ = FailureSettings(rules=(RuleSettings(name="fix", pattern="^v2-fix$", match=(field,)),))

    assert list(failures(judged(replace(first, tags=()), second, third, settings=settings_))) == ["d0"]


def test_a_commit_that_was_deployed_itself_does_not_speak_again_where_it_is_listed() -> None:
    first, second, third, fourth = series("Round up", "x", 'Revert "Round up"', "y")
    settings_ = FailureSettings(rules=(RuleSettings(name="undo", pattern="^Revert", match=("subject",)),))
    deployed = replace(second, commit_sha=C, commits=None)

    assert failures(judged(first, second, third, fourth, settings=settings_)) == {"d0": "revert", "d1": "undo"}
    assert failures(judged(first, deployed, third, fourth, settings=settings_)) == {}


@pytest.mark.parametrize("pattern", ["^fix", "^fix:$version$"])
def test_what_lands_again_after_a_rollback_does_not_blame_the_rollback_by_its_tag(pattern: str) -> None:
    first, second, third, fourth = days("v1", "v2", "v1", "v2")
    tags = ("fix:v1",)
    rule = RuleSettings(name="fix", pattern=pattern, match=("tag",))
    held = (first, replace(second, tags=tags), third, replace(fourth, tags=tags))

    classifier = judged(*held, settings=FailureSettings(rules=(rule,)))

    assert failures(classifier) == {"d0": "fix", "d1": "rollback"}


def test_many_commits_that_revert_each_other_in_one_deployment_are_decided_at_once() -> None:
    first, second = days("v0", "v1")
    shas = [A, *(f"{number:040x}" for number in range(1, 41))]
    reverting = [
        parse_commit(
            sha, second.started_at, "\n\n".join(("Undo", *(f"This reverts commit {each}." for each in shas[:place])))
        )
        for place, sha in enumerate(shas)
        if place
    ]
    shipped = (
        replace(first, commits=(Commit(A, first.started_at, "Round up"),)),
        replace(second, commits=tuple(reverting)),
    )

    assert told(judged(*shipped, settings=NOTHING_ELSE)) == (["d0"], ["d1"])


@pytest.mark.parametrize(("length", "failed"), [(1, ["d0"]), (2, []), (60, []), (61, ["d0"])])
def test_of_reverts_in_a_row_in_one_deployment_every_other_one_holds(length: int, failed: list[str]) -> None:
    first, second = days("v0", "v1")
    shas = [A, *(f"{number:040x}" for number in range(1, length + 1))]
    row = [
        parse_commit(sha, second.started_at, f"Undo\n\nThis reverts commit {before}.") for before, sha in pairwise(shas)
    ]
    shipped = (
        replace(first, commits=(Commit(A, first.started_at, "Round up"),)),
        replace(second, commits=tuple(row)),
    )

    assert told(judged(*shipped, settings=NOTHING_ELSE))[0] == failed


def test_of_a_row_of_reverts_fifty_are_followed_and_before_them_the_wording_decides() -> None:
    held = days(*(f"v{number}" for number in range(400)))
    shas = [f"{number:040x}" for number in range(len(held))]
    told_of = ["Round up", *(f"Undo\n\nThis reverts commit {sha}." for sha in shas)]
    row = [
        replace(each, commits=(parse_commit(sha, each.started_at, message),))
        for each, sha, message in zip(held, shas, told_of, strict=False)
    ]

    assert told(judged(*row, settings=NOTHING_ELSE))[0] == [f"d{each}" for each in range(0, 51, 2)]


@pytest.mark.usefixtures("no_garbage_search")
def test_thousands_that_revert_thousands_by_one_subject_are_decided_in_no_time() -> None:
    """Two deployments, and a third of which a half reverts the other half."""
    first, second, third = days("v0", "v1", "v2")

    def said(day: Deployment, letter: str, subject: str) -> list[Commit]:
        return [Commit(f"{number:039x}{letter}", day.started_at, subject) for number in range(3_000)]

    undoing = 'Revert "Round up"'
    shipped = (
        replace(first, commits=tuple(said(first, "a", "Round up"))),
        replace(second, commits=tuple(said(second, "b", undoing))),
        replace(
            third, commits=(*said(third, "c", f'Revert "{undoing}"'), *said(third, "d", f'Revert "Revert "{undoing}""'))
        ),
    )
    began = time.thread_time()
    classifier = judged(*shipped, settings=NOTHING_ELSE)
    assert time.thread_time() - began < 2
    assert failures(classifier) == {"d0": "revert"}


def test_reverts_in_a_circle_undo_nothing() -> None:
    first, second = days("v0", "v1")
    circle = [
        parse_commit(sha, second.started_at, f"Undo\n\nThis reverts commit {other}.\n\nThis reverts commit {A}.")
        for sha, other in ((B, C), (C, D), (D, B))
    ]
    shipped = (
        replace(first, commits=(Commit(A, first.started_at, "Round up"),)),
        replace(second, commits=tuple(circle)),
    )

    assert told(judged(*shipped, settings=NOTHING_ELSE)) == ([], [])


def test_a_version_that_never_changes_hides_no_revert() -> None:
    first, second = series("Round up", 'Revert "Round up"')

    assert told(judged(replace(first, version="main"), replace(second, version="main"))) == (["d0"], ["d1"])


def test_a_version_that_comes_again_does_not_say_again_what_it_is_called() -> None:
    rule = RuleSettings(name="fix", pattern="-fix$", match=("version",))
    classifier = judged(*days("v1", "v2-fix", "v3", "v2-fix"), settings=FailureSettings(rules=(rule,)))

    assert failures(classifier) == {"d0": "fix", "d2": "rollback"}


SHAS = ["aaaaaaa" + "0" * 33, "aaaaaaa" + "1" * 33, "bbbbbbb" + "0" * 33, "ccccccc" + "0" * 33, "ddddddd" + "0" * 33]
WORDS = [
    "One",
    "Two (#7)",
    'Revert "One"',
    'Revert "Two"',
    'Reapply "One"',
    'Revert "Reapply "One""',
    "x\n\nReverts a/b#7",
]


def written(place: int, words: int, named: list[int]) -> Commit:
    """The commit of a SHA. It names commits only that were written before it."""
    older = [SHAS[each] if each % 2 else SHAS[each][:8] for each in named if each < place]
    said = f"Undo\n\nThis reverts commit {' and '.join(older)}." if older else WORDS[words]
    return parse_commit(SHAS[place], 0, said)


def shipped(version: str | None, commits: tuple[Commit, ...], merges: int, kind: str) -> dict[str, object]:
    """What a deployment says. Its last commits are merges, or the last one is its head."""
    merged = tuple(replace(each, subject=None, reverts=None) for each in commits[len(commits) - merges :])
    single = commits[: len(commits) - merges]
    head = commits[-1].sha if commits and kind != "no head" else None
    if kind == "listed":
        return {"version": version, "commit_sha": head, "commits": single}
    return {"version": version, "commit_sha": head, "shipped": Shipped("x", "f" * 40, single, merges=merged)}


places = st.integers(0, len(SHAS) - 1)
commits = st.builds(written, places, st.integers(0, len(WORDS) - 1), st.lists(places, max_size=2))
deployed = st.builds(
    shipped,
    st.sampled_from(["v1", "v2", "v3", None]),
    st.lists(commits, max_size=3, unique_by=lambda each: each.sha).map(
        lambda given: tuple(sorted(given, key=lambda each: each.sha))
    ),
    st.integers(0, 1),
    st.sampled_from(["no head", "listed", "found"]),
)
writes = st.lists(st.tuples(st.integers(0, 6), st.none() | deployed), max_size=12)


def classifier() -> Classifier:
    return Classifier(rules=rules(NOTHING_ELSE), attribution_limit_ms=None, find=lambda _: None, updates=NoUpdates())


def found(one: Classifier) -> set[tuple[str, str]]:
    return {(link.remedy.id, link.failed.id) for each in one.in_order.by_finish for link in one.links.of_remedy(each)}


def expected(held: list[Deployment]) -> set[tuple[str, str]]:
    return {(each.id, failed.id) for each in held for failed in reverts.reverted_by(each, held)}


@settings(max_examples=200, deadline=None)
@given(writes)
def test_reverts_are_those_of_the_definition_after_every_change(
    changes: list[tuple[int, dict[str, object] | None]],
) -> None:
    """A change says what is deployed in an hour, or that nothing is."""
    kept = classifier()
    held: dict[int, Deployment] = {}
    for hour, what in changes:
        if hour in held:
            done(kept.removing(held.pop(hour)))
        if what is not None:
            held[hour] = deployment(id=f"d{hour}", finished_at=NOW_MS - DAY_MS + hour * HOUR_MS, **what)
            done(kept.adding(held[hour]))
        done(kept.settling())
        assert found(kept) == expected(list(held.values()))
    ordered = by_finish(held.values())
    loaded = classifier()
    for _ in loaded.loading(list(ordered)):
        pass
    assert found(loaded) == found(kept)
    if ordered:
        done(loaded.removing(ordered[0]))
    done(loaded.settling())
    assert found(loaded) == expected(ordered[1:])
