"""Levels are what the reports say, gaps included, and open at both ends."""

from collections.abc import Mapping, Sequence
from math import inf, nextafter

import pytest

from dora_exporter.dora.events import DAY_MS
from dora_exporter.dora.measures import DeploymentFacts, Measures
from dora_exporter.dora.metrics.performance_level import level, performance_level, thresholds
from dora_exporter.dora.metrics.report_thresholds import DAY, EDITIONS, HOUR, MONTH, WEEK
from dora_exporter.dora.sliding_window import Window

NOW_MS = 100 * DAY_MS


Row = tuple[float, int | None, int | None, int | None]
LIMITS: Mapping[str, Mapping[str, Sequence[Row]]] = {
    # Each published limit with the level just on its better side, at it, and just on its worse side.
    "2019": {
        "frequency": [(1, 4, 4, 3), (1 / 7, 3, 3, 2), (1 / 30, 2, 2, 1), (1 / 180, 1, 1, 1)],
        "lead_time": [(DAY, 4, 4, 3), (WEEK, 3, 3, 2), (MONTH, 2, 2, 1), (6 * MONTH, 1, 1, 1)],
        "failure_rate": [(0.15, 4, 4, None), (0.46, None, 1, 1), (0.60, 1, 1, 1)],
        "recovery": [(HOUR, 4, 4, 3), (DAY, 3, 3, None), (WEEK, None, 1, 1), (MONTH, 1, 1, 1)],
    },
    "2021": {
        "frequency": [(1, 4, 4, None), (1 / 7, None, 3, 3), (1 / 30, 3, 3, 2), (1 / 180, 2, 2, 1)],
        "lead_time": [
            (HOUR, 4, 4, None),
            (DAY, None, 3, 3),
            (WEEK, 3, 3, None),
            (MONTH, None, 2, 2),
            (6 * MONTH, 2, 2, 1),
        ],
        "failure_rate": [(0.15, 4, 4, None), (0.16, None, 3, 3), (0.30, 3, 3, 1)],
        "recovery": [(HOUR, 4, 4, 3), (DAY, 3, 3, 2), (WEEK, 2, 2, None), (6 * MONTH, None, 1, 1)],
    },
    "2022": {
        "frequency": [(1, 3, 3, None), (1 / 7, None, 2, 2), (1 / 30, 2, 2, 1), (1 / 180, 1, 1, 1)],
        "lead_time": [(DAY, 3, 3, 3), (WEEK, 3, 3, 2), (MONTH, 2, 2, 1), (6 * MONTH, 1, 1, 1)],
        "failure_rate": [
            (0.15, 3, 3, None),
            (0.16, None, 2, 2),
            (0.30, 2, 2, None),
            (0.46, None, 1, 1),
            (0.6, 1, 1, 1),
        ],
        "recovery": [(DAY, 3, 3, 2), (WEEK, 2, 2, 1), (MONTH, 1, 1, 1)],
    },
    "2023": {
        "frequency": [(1, 4, 4, 3), (1 / 7, 3, 3, 2), (1 / 30, 2, 2, 1)],
        "lead_time": [(DAY, 4, 4, 3), (WEEK, 3, 3, 2), (MONTH, 2, 2, 1)],
        "failure_rate": [(0.05, 4, 4, 3), (0.10, 3, 3, 2), (0.15, 2, 2, 1), (0.64, 1, 1, 1)],
        "recovery": [
            (HOUR, 4, 4, 3),
            (DAY, 3, 3, 2),
            (WEEK, 2, 2, None),
            (MONTH, None, 1, 1),
            (6 * MONTH, 1, 1, 1),
        ],
    },
    "2024": {
        "frequency": [(1, 4, 4, 3), (1 / 7, 3, 3, 2), (1 / 30, 2, 2, 1), (1 / 180, 1, 1, 1)],
        "lead_time": [(DAY, 4, 4, 3), (WEEK, 3, 3, 2), (MONTH, 2, 2, 1), (6 * MONTH, 1, 1, 1)],
        "failure_rate": [(0.05, 4, 4, 3), (0.10, 3, 3, 3), (0.20, 3, 3, 1), (0.40, 1, 1, 1)],
        "recovery": [(HOUR, 4, 4, 3), (DAY, 3, 3, None), (WEEK, None, 1, 1), (MONTH, 1, 1, 1)],
    },
}


@pytest.mark.parametrize(("edition", "metric"), [(edition, metric) for edition in LIMITS for metric in LIMITS[edition]])
def test_levels_change_exactly_at_the_published_limits_and_are_open_behind_the_last(edition: str, metric: str) -> None:
    better, worse = (inf, 0) if metric == "frequency" else (0, inf)
    limits = getattr(EDITIONS[edition], metric)

    found = [
        (limit, *(level(value, limits) for value in (nextafter(limit, better), limit, nextafter(limit, worse))))
        for limit, *_ in LIMITS[edition][metric]
    ]

    assert found == LIMITS[edition][metric]


def test_every_edition_has_a_level_for_the_best_and_for_the_worst_of_values() -> None:
    best = {"2019": 4, "2021": 4, "2022": 3, "2023": 4, "2024": 4}
    decade = 3650 * DAY

    for edition, scales in EDITIONS.items():
        assert [
            (level(1000, scales.frequency), level(0, scales.frequency)),
            (level(0, scales.lead_time), level(decade, scales.lead_time)),
            (level(0, scales.failure_rate), level(1, scales.failure_rate)),
            (level(0, scales.recovery), level(decade, scales.recovery)),
        ] == [(best[edition], 1)] * 4


@pytest.mark.parametrize("edition", ["2019", "2021", "2023", "2024"])
def test_an_edition_with_four_groups_has_a_threshold_for_each_metric_and_group(edition: str) -> None:
    found = {(metric, name) for metric, name, _ in thresholds(edition)}

    assert len({metric for metric, _ in found}) == 4
    assert {name for _, name in found} == {"elite", "high", "medium", "low"}
    assert len(found) == 16


def test_2022_has_no_elite() -> None:
    assert {name for _, name, _ in thresholds("2022")} == {"high", "medium", "low"}


def test_a_measures_is_judged_by_median_rate_and_frequency() -> None:
    measures = Measures()
    for day in range(10):
        measures.add_deployment(
            DeploymentFacts(
                NOW_MS - day * DAY_MS, "api", lead_times=(2 * DAY_MS,), cause="verdict" if day == 0 else None
            )
        )

    judged = dict(performance_level("2024").read(measures, Window("10d", 10 * DAY_MS, NOW_MS)))

    assert judged == {("deployment_frequency",): 4, ("change_lead_time",): 3, ("change_failure_rate",): 3}


def test_without_events_only_the_frequency_has_a_level_which_is_the_lowest() -> None:
    assert dict(performance_level("2024").read(Measures(), Window("1d", DAY_MS, NOW_MS))) == {
        ("deployment_frequency",): 1
    }


def test_thresholds_are_the_worst_values_that_still_reach_a_level() -> None:
    of_2024 = {(metric, name): value for metric, name, value in thresholds("2024")}

    assert of_2024["deployment_frequency", "elite"] == 1
    assert of_2024["change_failure_rate", "medium"] == 0.1
    assert of_2024["failed_deployment_recovery_time", "elite"] == HOUR
    assert ("time_to_restore", "elite") in {(metric, name) for metric, name, _ in thresholds("2021")}
