"""Levels are what the reports say, gaps included."""

import pytest

from dora_exporter.events import DAY_MS
from dora_exporter.history import DeploymentFacts, History
from dora_exporter.metrics.editions import DAY, EDITIONS, HOUR, MONTH, WEEK, level
from dora_exporter.metrics.performance_level import performance_level, thresholds
from dora_exporter.tracks import Window

NOW_MS = 100 * DAY_MS


@pytest.mark.parametrize(
    ("edition", "metric", "value", "expected"),
    [
        ("2024", "frequency", 3.0, 4),
        ("2024", "frequency", 1 / 7, 3),
        ("2024", "frequency", 1 / 200, None),
        ("2024", "lead_time", DAY, 4),
        ("2024", "lead_time", DAY + 1, 3),
        ("2024", "lead_time", 3 * WEEK, 2),
        ("2024", "lead_time", 200 * DAY, None),
        ("2024", "failure_rate", 0.05, 4),
        ("2024", "failure_rate", 0.10, 3),
        ("2024", "failure_rate", 0.30, 1),
        ("2024", "failure_rate", 0.41, None),
        ("2024", "recovery", 2 * HOUR, 3),
        ("2024", "recovery", 3 * DAY, None),
        ("2023", "failure_rate", 0.12, 2),
        ("2022", "frequency", 5.0, 3),
        ("2022", "lead_time", HOUR, None),
        ("2021", "lead_time", HOUR, 4),
        ("2021", "lead_time", 5 * HOUR, None),
        ("2021", "failure_rate", 0.155, None),
        ("2021", "failure_rate", 0.2, 3),
        ("2021", "recovery", MONTH, None),
        ("2019", "failure_rate", 0.5, 1),
        ("2019", "lead_time", WEEK, None),
    ],
)
def test_levels_as_published(edition: str, metric: str, value: float, expected: int | None) -> None:
    assert level(value, getattr(EDITIONS[edition], metric)) == expected


def test_a_history_is_judged_by_median_rate_and_frequency() -> None:
    history = History()
    for day in range(10):
        history.add_deployment(
            DeploymentFacts(
                NOW_MS - day * DAY_MS, "api", lead_times=(2 * DAY_MS,), cause="verdict" if day == 0 else None
            )
        )

    judged = dict(performance_level("2024").read(history, Window("10d", 10 * DAY_MS, NOW_MS)))

    assert judged == {("deployment_frequency",): 4, ("change_lead_time",): 3, ("change_failure_rate",): 3}


def test_without_events_only_nothing_is_said() -> None:
    assert dict(performance_level("2024").read(History(), Window("1d", DAY_MS, NOW_MS))) == {}


def test_thresholds_are_the_worst_values_that_still_reach_a_level() -> None:
    of_2024 = {(metric, name): value for metric, name, value in thresholds("2024")}

    assert of_2024["deployment_frequency", "elite"] == 1
    assert of_2024["change_failure_rate", "medium"] == 0.1
    assert of_2024["failed_deployment_recovery_time", "elite"] == HOUR
    assert ("time_to_restore", "elite") in {(metric, name) for metric, name, _ in thresholds("2021")}
