"""What every metric has in common."""

import pytest
from tests.dora.metrics.reading import BY_NAME, values

from dora_exporter.dora import metrics
from dora_exporter.dora.metrics.contract import StateMetric


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_without_an_event_there_are_counts_and_no_moments_or_ratios(name: str) -> None:
    is_count = not name.endswith(("_seconds", "_rate"))

    assert set(values(name).values()) == ({0} if is_count else set())


def test_all_gauges_but_the_last_event_by_source_exist_for_teams() -> None:
    assert [each.name for each in metrics.ALL if not each.is_per_team] == ["dora_last_event_timestamp_seconds"]


def test_a_gauge_without_a_window_is_open_or_a_moment() -> None:
    assert {each.name for each in metrics.ALL if isinstance(each, StateMetric)} == {
        "dora_first_event_timestamp_seconds",
        "dora_last_deployment_timestamp_seconds",
        "dora_last_event_timestamp_seconds",
        "dora_oldest_open_incident_timestamp_seconds",
        "dora_open_incidents",
    }
