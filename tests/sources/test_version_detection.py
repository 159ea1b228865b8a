"""Versions seen in minutes become deployments: tables of roll-outs, and random lives against a recount."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dora_exporter.dora.events import DAY_MS, MINUTE_MS, Series
from dora_exporter.sources.version_detection.segments import (
    Changes,
    Found,
    Observations,
    Rules,
    Run,
    Segmentation,
    spans_of,
)
from dora_exporter.sources.version_detection.tracker import Reading, Scope, Seen

CHECKOUT = Series("checkout", "production")
RULES = Rules(gap_ms=30 * MINUTE_MS)
EDGE = 1_000 * DAY_MS
"""The left edge of the first reading; the minutes of the tables count from it."""


def identify(series: Series, version: str, run: Run) -> str:
    return f"{series.service}/{series.environment}/{version}@{run.start}"


def minutes(*ranges: tuple[int, int]) -> list[int]:
    """The starts of the minutes in the ranges, whose ends are left out."""
    return [EDGE + minute * MINUTE_MS for first, end in ranges for minute in range(first, end)]


def observations(seen: Mapping[str, list[int]]) -> Observations:
    return {(CHECKOUT, version): spans_of(buckets, MINUTE_MS) for version, buckets in seen.items()}


def read(known: Segmentation, seen: Mapping[str, list[int]], since: int = -60) -> Changes:
    return known.add(observations(seen), since=EDGE + since * MINUTE_MS, rules=RULES, identify=identify)


def starts(changes: Changes) -> list[tuple[str, int]]:
    return [(found.version, (found.started_at - EDGE) // MINUTE_MS) for found in changes.found]


DAY = 24 * 60
LIVES: dict[str, tuple[dict[str, list[int]], list[tuple[str, int]]]] = {
    "a version live at the left edge is the baseline": ({"v1": minutes((-5, 100))}, []),
    "a version seen in the first minute is the baseline": ({"v1": minutes((0, 100))}, []),
    "a quiet version seen a short hole before the edge is the baseline": ({"v1": minutes((-20, -19), (5, 100))}, []),
    "a version first seen after the edge is a deployment": ({"v1": minutes((1, 100))}, [("v1", 1)]),
    "a version that ended before the edge is none": ({"v1": minutes((-60, -50))}, []),
    "versions that replace each other": (
        {"v1": minutes((0, 100)), "v2": minutes((100, 200)), "v3": minutes((200, 300))},
        [("v2", 100), ("v3", 200)],
    ),
    "a rolling update overlaps": ({"v1": minutes((0, 110)), "v2": minutes((100, 200))}, [("v2", 100)]),
    "a rolling rollback, whose versions overlap, is seen": (
        {"v1": minutes((0, 110), (200, 300)), "v2": minutes((100, 210))},
        [("v2", 100), ("v1", 200)],
    ),
    "a canary of three minutes counts once": (
        {"v1": minutes((0, 300)), "v2": minutes((100, 103))},
        [("v2", 100)],
    ),
    "a canary withdrawn, then rolled out": (
        {"v1": minutes((0, 210)), "v2": minutes((100, 103), (200, 300))},
        [("v2", 100), ("v2", 200)],
    ),
    "a flap within the gap is one deployment": (
        {"v1": minutes((0, 100), (110, 200)), "v2": minutes((100, 110))},
        [("v2", 100)],
    ),
    "a hole one minute shorter than the gap is none": (
        {"v1": minutes((0, 100), (129, 200)), "v2": minutes((100, 129))},
        [("v2", 100)],
    ),
    "a hole as long as the gap is a hole": (
        {"v1": minutes((0, 100), (130, 200)), "v2": minutes((100, 130))},
        [("v2", 100), ("v1", 130)],
    ),
    "two versions live for hours": (
        {"v1": minutes((0, 600)), "v2": minutes((60, 500))},
        [("v2", 60)],
    ),
    "nights without traffic": (
        {"v1": minutes((0, 600), (DAY, DAY + 600), (2 * DAY, 2 * DAY + 600))},
        [],
    ),
    "a version deployed during the night": (
        {"v1": minutes((0, 600)), "v2": minutes((DAY, DAY + 600), (2 * DAY, 2 * DAY + 600))},
        [("v2", DAY)],
    ),
    "a version forgotten after 60 days is new when it returns": (
        {"v1": minutes((0, 10), (61 * DAY, 61 * DAY + 10))},
        [("v1", 61 * DAY)],
    ),
    "a version that returns within 60 days, and nothing else was live": (
        {"v1": minutes((0, 10), (59 * DAY, 59 * DAY + 10))},
        [],
    ),
    "a hole of exactly 60 days is still remembered": (
        {"v1": minutes((0, 10), (60 * DAY + 10, 60 * DAY + 20))},
        [],
    ),
    "a version that begins once another is back was not live in its hole": (
        {"v1": minutes((0, 100), (200, 300)), "v2": minutes((250, 300))},
        [("v2", 250)],
    ),
    "a version that ended just as the hole began was not live in it": (
        {"v1": minutes((0, 100), (200, 300)), "v2": minutes((50, 100))},
        [("v2", 50)],
    ),
}


@pytest.mark.parametrize("story", LIVES)
def test_deployments_follow_from_the_minutes_in_which_versions_were_seen(story: str) -> None:
    seen, expected = LIVES[story]

    assert starts(read(Segmentation(edge=EDGE), seen)) == expected


def test_the_same_version_in_another_environment_is_another_life() -> None:
    staging = Series("checkout", "staging")
    seen = {(CHECKOUT, "v1"): minutes((0, 10)), (staging, "v1"): minutes((5, 10))}
    spans = {key: spans_of(buckets, MINUTE_MS) for key, buckets in seen.items()}

    changes = Segmentation(edge=EDGE).add(spans, since=EDGE, rules=RULES, identify=identify)

    assert [found.series for found in changes.found] == [staging]


@pytest.mark.parametrize(
    ("environments", "counted"),
    [
        (set(), ["production", "staging", ""]),
        ({"production"}, ["production", ""]),
        ({"staging"}, ["staging"]),
    ],
)
def test_of_named_environments_only_these_count_and_what_names_none_is_in_the_default_one(
    environments: set[str], counted: list[str]
) -> None:
    scope = Scope(
        source="apm",
        environment="production",
        environments=frozenset(environments),
        rules=RULES,
        step_ms=MINUTE_MS,
        settle_ms=0,
        overlap_ms=0,
        backfill_ms=DAY_MS,
    )
    reading = Reading(scope, {}, now_ms=EDGE, held=())

    asked = ["production", "staging", ""]
    assert [each for each in asked if reading.counts(Seen("checkout", each, "v1", ()))] == counted


def test_buckets_in_any_order_make_the_fewest_spans() -> None:
    assert spans_of([240, 60, 120, 60, 300, 0], 60) == [(0, 180), (240, 360)]


def test_what_was_read_before_changes_nothing() -> None:
    known = Segmentation(edge=EDGE)
    read(known, {"v1": minutes((0, 100)), "v2": minutes((90, 200))})

    assert read(known, {"v1": minutes((50, 100)), "v2": minutes((90, 200))}, since=50) == Changes((), ())


def test_a_late_bucket_moves_the_start_and_keeps_the_id() -> None:
    known = Segmentation(edge=EDGE)
    first = read(known, {"v2": minutes((100, 110))}).found[0]

    moved = read(known, {"v2": minutes((95, 96))}, since=90)

    assert moved.found == (Found(first.id, CHECKOUT, "v2", EDGE + 95 * MINUTE_MS),)
    assert moved.withdrawn == ()


def test_a_late_bucket_of_another_version_makes_a_return_a_rollback() -> None:
    known = Segmentation(edge=EDGE)
    read(known, {"v1": minutes((0, 100), (200, 210))})

    assert starts(read(known, {"v2": minutes((150, 151))}, since=140)) == [("v2", 150), ("v1", 200)]


def test_late_buckets_that_fill_a_hole_withdraw_the_deployment_after_it() -> None:
    known = Segmentation(edge=EDGE)
    read(known, {"v1": minutes((0, 100), (140, 200)), "v2": minutes((100, 140))})

    changes = read(known, {"v1": minutes((115, 125))}, since=110)

    assert changes == Changes((), (identify(CHECKOUT, "v1", Run(EDGE + 140 * MINUTE_MS, 0)),))


def test_deployments_joined_by_late_buckets_keep_the_id_of_the_first() -> None:
    known = Segmentation(edge=EDGE)
    read(known, {"v1": minutes((0, 200)), "v2": minutes((100, 110), (150, 160))})

    changes = read(known, {"v2": minutes((105, 155))}, since=100)

    assert changes == Changes((), (identify(CHECKOUT, "v2", Run(EDGE + 150 * MINUTE_MS, 0)),))


def test_a_reading_that_reaches_back_further_than_the_last_one_decides_nothing_anew() -> None:
    known = Segmentation(edge=EDGE)
    read(known, {"v1": minutes((0, 10), (60, 70), (120, 130))})
    read(known, {}, since=200)
    read(known, {"v2": minutes((210, 220))}, since=200)

    assert read(known, {"v1": minutes((120, 130))}, since=100) == Changes((), ())


def test_a_settled_decision_stands_when_what_it_was_based_on_is_forgotten() -> None:
    known = Segmentation(edge=EDGE)
    read(known, {"v1": minutes((0, 10), (50 * DAY, 50 * DAY + 10))})
    read(known, {"v1": minutes((50 * DAY + 10, 50 * DAY + 20))}, since=50 * DAY + 5)

    assert read(known, {"v1": minutes((50 * DAY + 15, 50 * DAY + 40))}, since=50 * DAY + 15) == Changes((), ())


def test_a_series_that_nobody_sees_any_more_is_forgotten() -> None:
    known = Segmentation(edge=EDGE)
    read(known, {"v1": minutes((0, 100)), "v2": minutes((50, 100))})
    after = 100 + 60 * DAY
    known.add({}, since=EDGE + after * MINUTE_MS, rules=RULES, identify=identify)
    assert known.runs != {}
    known.add({}, since=EDGE + (after + 1) * MINUTE_MS, rules=RULES, identify=identify)
    assert (known.runs, known.dump()["runs"]) == ({}, [])


def test_of_what_is_settled_only_the_last_run_of_a_version_is_remembered_and_in_time_none() -> None:
    known = Segmentation(edge=EDGE)
    read(known, {"v1": minutes((0, 10), (60, 70), (120, 130))})
    read(known, {"v2": minutes((300, 310))}, since=300)

    assert {version: len(runs) for version, runs in known.runs[CHECKOUT].items()} == {"v1": 1, "v2": 1}

    read(known, {"v3": minutes((61 * DAY, 61 * DAY + 10))}, since=61 * DAY)

    assert known.runs[CHECKOUT].keys() == {"v3"}


@dataclass(frozen=True)
class Bucket:
    """A minute in which a version was seen, and how many minutes later the upstream shows it."""

    version: str
    minute: int
    delay: int


LENGTH = 120
OVERLAP = 6
QUICK = Rules(gap_ms=4 * MINUTE_MS, memory_ms=40 * MINUTE_MS)


@st.composite
def lives(draw: st.DrawFn) -> list[Bucket]:
    """Spells in which a version was seen, with single minutes missing and some of them late."""
    buckets: dict[tuple[str, int], Bucket] = {}
    spells = st.tuples(st.sampled_from(["v1", "v2", "v3"]), st.integers(-4, LENGTH), st.integers(1, 20))
    for version, start, length in draw(st.lists(spells, min_size=1, max_size=8)):
        for minute in range(start, min(start + length, LENGTH)):
            if draw(st.integers(0, 9)):
                late = draw(st.integers(0, OVERLAP)) if not draw(st.integers(0, 5)) else 0
                buckets[version, minute] = Bucket(version, minute, late)
    return list(buckets.values())


def recount(buckets: Iterable[Bucket]) -> set[tuple[str, int]]:
    """The deployments by the letter of the rules, from single minutes."""
    minutes_of: dict[str, list[int]] = {}
    for bucket in sorted(buckets, key=lambda each: each.minute):
        minutes_of.setdefault(bucket.version, []).append(bucket.minute)
    gap, memory = QUICK.gap_ms // MINUTE_MS, QUICK.memory_ms // MINUTE_MS
    deployments = set()
    for version, seen in minutes_of.items():
        others = {minute for other, theirs in minutes_of.items() if other != version for minute in theirs}
        for position, minute in enumerate(seen):
            hole = range(seen[position - 1] + 1, minute) if position else None
            begins = hole is None or len(hole) >= gap
            is_new = hole is None or len(hole) > memory or any(each in others for each in hole)
            if begins and is_new and minute > 0:
                deployments.add((version, minute))
    return deployments


@given(lives(), st.lists(st.integers(1, 40), min_size=1, max_size=20))
@example([Bucket("v1", 3, 5), Bucket("v1", 9, 0), Bucket("v2", 5, 6)], [10, 2])
def test_engine_of_any_length_find_what_one_reading_of_everything_finds(
    buckets: list[Bucket], lengths: list[int]
) -> None:
    held: dict[str, tuple[str, int]] = {}
    known = Segmentation(edge=EDGE)
    through, since = 0, -4
    for reading in range(LENGTH + OVERLAP):
        now = through + lengths[reading % len(lengths)]
        seen: dict[str, list[int]] = {}
        for bucket in buckets:
            if since <= bucket.minute < now and bucket.minute + bucket.delay < now:
                seen.setdefault(bucket.version, []).append(EDGE + bucket.minute * MINUTE_MS)
        changes = known.add(observations(seen), since=EDGE + since * MINUTE_MS, rules=QUICK, identify=identify)
        for id_ in changes.withdrawn:
            del held[id_]
        held |= {each.id: (each.version, (each.started_at - EDGE) // MINUTE_MS) for each in changes.found}
        known = Segmentation.load(known.dump())
        through, since = now, now - OVERLAP
        if now > LENGTH + OVERLAP:
            break

    assert set(held.values()) == recount(buckets)
    assert len(held) == len(recount(buckets))
