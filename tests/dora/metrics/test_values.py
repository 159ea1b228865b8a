"""The values of the gauges that count, or that give a moment, at the edges of a window."""

import pytest

from dora_exporter.dora import metrics
from dora_exporter.dora.events import DAY_MS
from dora_exporter.dora.lead_time_stages import STAGES
from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts, Measures
from dora_exporter.dora.metrics.contract import StateMetric, WindowMetric
from dora_exporter.dora.sliding_window import Window

NOW_MS = 1_750_000_000_500
WEEK = Window("7d", 7 * DAY_MS, NOW_MS)
FIRST_MS, LAST_OUTSIDE_MS = WEEK.start_ms + 1, WEEK.start_ms
BY_NAME = {each.name: each for each in metrics.ALL}
DEPLOYMENTS = (
    DeploymentFacts(LAST_OUTSIDE_MS, "api", identified=False, rework=True, recovery=(FIRST_MS, 1000)),
    DeploymentFacts(FIRST_MS, "api", identified=False, cause="incident", recovery=(LAST_OUTSIDE_MS, 9000)),
    DeploymentFacts(NOW_MS, "apm", rework=True, cause="rollback", recovery=(NOW_MS, 3000), lead_times=(60_000,)),
)
INCIDENTS = (
    IncidentFacts(LAST_OUTSIDE_MS - 500, "pagerduty", FIRST_MS, attributed=True),
    IncidentFacts(FIRST_MS, "pagerduty", None, attributed=False),
    IncidentFacts(NOW_MS - 1000, "api", NOW_MS - 250, attributed=False),
)


def measures(deployments: tuple[DeploymentFacts, ...] = (), incidents: tuple[IncidentFacts, ...] = ()) -> Measures:
    made = Measures()
    for each in deployments:
        made.add_deployment(each)
    for one in incidents:
        made.add_incident(one)
    return made


def values(name: str, of: Measures) -> dict[tuple[str, ...], float]:
    metric = BY_NAME[name]
    return dict(metric.read(of, WEEK) if isinstance(metric, WindowMetric) else metric.read(of))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dora_deployments", {(): 2}),
        ("dora_deployment_frequency_per_day", {(): 2 / 7}),
        ("dora_failed_deployments", {(): 2}),
        ("dora_change_failure_rate", {(): 1.0}),
        (
            "dora_change_failures",
            {("verdict",): 0, ("rollback",): 1, ("revert",): 0, ("rule",): 0, ("incident",): 1},
        ),
        ("dora_rework_deployments", {(): 1}),
        ("dora_deployment_rework_rate", {(): 0.5}),
        ("dora_recovered_deployments", {(): 2}),
        (
            "dora_failed_deployment_recovery_time_seconds",
            {("mean",): 2.0, ("median",): 2.0, ("p90",): 2.8},
        ),
        ("dora_lead_time_commits", {(): 1}),
        ("dora_unidentified_deployments", {(): 1}),
        ("dora_incidents", {(): 2}),
        ("dora_unattributed_incidents", {(): 2}),
        ("dora_restored_incidents", {(): 2}),
        ("dora_open_incidents", {(): 1}),
        ("dora_oldest_open_incident_timestamp_seconds", {(): FIRST_MS / 1000}),
        ("dora_last_deployment_timestamp_seconds", {(): NOW_MS / 1000}),
        ("dora_first_event_timestamp_seconds", {(): (LAST_OUTSIDE_MS - 500) / 1000}),
        (
            "dora_last_event_timestamp_seconds",
            {("api",): (NOW_MS - 250) / 1000, ("apm",): NOW_MS / 1000, ("pagerduty",): FIRST_MS / 1000},
        ),
    ],
)
def test_a_window_has_what_happened_after_its_beginning_up_to_its_end(
    name: str, expected: dict[tuple[str, ...], float]
) -> None:
    assert values(name, measures(DEPLOYMENTS, INCIDENTS)) == expected


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_without_an_event_there_are_counts_and_no_moments_or_ratios(name: str) -> None:
    found = values(name, measures())

    assert set(found.values()) == ({0} if _counts(name) else set())


def test_the_first_event_may_be_a_deployment_and_moves_when_it_goes() -> None:
    of = measures(DEPLOYMENTS)
    assert values("dora_first_event_timestamp_seconds", of) == {(): LAST_OUTSIDE_MS / 1000}

    of.remove_deployment(DEPLOYMENTS[0])

    assert values("dora_first_event_timestamp_seconds", of) == {(): FIRST_MS / 1000}


FULL = DeploymentFacts(
    NOW_MS,
    "apm",
    identified=False,
    cause="revert",
    rework=True,
    recovery=(NOW_MS, 3000),
    lead_times=(60_000, 9000),
    stages=tuple((stage, 1000) for stage in STAGES),
    dropped=2,
)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_what_is_taken_out_again_leaves_no_value_behind(name: str) -> None:
    of = measures((FULL,), INCIDENTS)
    before = values(name, of)
    of.remove_deployment(FULL)
    for each in INCIDENTS:
        of.remove_incident(each)

    assert before != values(name, of)
    assert values(name, of) == values(name, measures())
    assert of.dropped == 0


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_a_measures_that_is_absorbed_counts_until_it_is_released(name: str) -> None:
    of, other = measures(), measures((FULL,), INCIDENTS)
    of.absorb(other)
    assert values(name, of) == values(name, other)
    assert of.dropped == FULL.dropped

    of.release(other)
    assert values(name, of) == values(name, measures())
    assert of.dropped == 0


def test_all_gauges_but_the_last_event_by_source_exist_for_teams() -> None:
    assert [each.name for each in metrics.ALL if not each.is_per_team] == ["dora_last_event_timestamp_seconds"]
    assert {each.name for each in metrics.ALL if isinstance(each, StateMetric)} == {
        "dora_first_event_timestamp_seconds",
        "dora_last_deployment_timestamp_seconds",
        "dora_last_event_timestamp_seconds",
        "dora_oldest_open_incident_timestamp_seconds",
        "dora_open_incidents",
    }


def _counts(name: str) -> bool:
    return not name.endswith(("_seconds", "_rate"))
