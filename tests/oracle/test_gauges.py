"""The oracle's own numbers on examples worked out by hand."""

from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.oracle.gauges import Sample, expected
from tests.strategies import RETENTION_MS, WINDOWS, World, worlds

from dora_exporter.dora.events import DAY_MS, MINUTE_MS, Commit, Deployment, Incident, Verdict

WEEK_MS = 7 * DAY_MS
CHECKOUT = {"service": "checkout", "environment": "production"}


def gauges(
    deployments: Iterable[Deployment] = (),
    incidents: Iterable[Incident] = (),
    *,
    window: tuple[str, int] = ("7d", WEEK_MS),
    team_of: dict[str, str] | None = None,
    series_limit: int = 10_000,
    series_order: Iterable[tuple[str, str]] = (),
) -> dict[Sample, float]:
    return expected(
        deployments,
        incidents,
        now_ms=NOW_MS,
        windows=[window],
        retention_ms=400 * DAY_MS,
        team_of=team_of,
        series_limit=series_limit,
        series_order=series_order,
    )


def read(samples: dict[Sample, float], name: str, **labels: str) -> float | None:
    """One sample of the checkout series' week; None when it is absent."""
    windowed = labels if name.endswith(("_timestamp_seconds", "open_incidents")) else {"window": "7d"} | labels
    return samples.get((name, frozenset((CHECKOUT | windowed).items())))


def test_nothing_at_all_is_no_series() -> None:
    assert gauges() == {}


@pytest.mark.parametrize(("age_ms", "deployments"), [(0, 1), (WEEK_MS - 1, 1), (WEEK_MS, 0), (WEEK_MS + 1, 0), (-1, 0)])
def test_a_window_holds_its_end_and_not_its_beginning(age_ms: int, deployments: int) -> None:
    samples = gauges([deployment(finished_at=NOW_MS - age_ms)])
    assert read(samples, "dora_deployments") == deployments
    assert read(samples, "dora_deployment_frequency_per_day") == deployments / 7


def test_ratios_and_durations_without_data_are_absent_and_counts_are_nought() -> None:
    samples = gauges(incidents=[incident(started_at=NOW_MS - 30 * DAY_MS)])
    assert read(samples, "dora_deployments") == 0
    assert read(samples, "dora_incidents") == 0
    assert read(samples, "dora_open_incidents") == 1
    assert read(samples, "dora_change_failure_rate") is None
    assert read(samples, "dora_time_to_restore_seconds", statistic="mean") is None
    assert read(samples, "dora_last_deployment_timestamp_seconds") is None


def test_statistics_interpolate_between_order_statistics() -> None:
    hours = [1, 2, 4, 10]
    resolved = [
        incident(started_at=NOW_MS - DAY_MS, finished_at=NOW_MS - DAY_MS + number * HOUR_MS) for number in hours
    ]
    samples = gauges(incidents=resolved)
    statistics = {
        name: read(samples, "dora_time_to_restore_seconds", statistic=name) for name in ("mean", "median", "p90")
    }
    assert statistics == {"mean": 4.25 * 3600, "median": 3 * 3600, "p90": pytest.approx(8.2 * 3600, rel=1e-15)}
    assert read(samples, "dora_restored_incidents") == 4


def test_two_incidents_of_one_deployment_fail_it_once() -> None:
    troubles = [incident(started_at=NOW_MS - hours * HOUR_MS) for hours in (1, 2)]
    samples = gauges([deployment(), deployment(finished_at=NOW_MS - 2 * DAY_MS)], troubles)
    assert read(samples, "dora_change_failure_rate") == 0.5
    assert read(samples, "dora_change_failures", cause="incident") == 1
    assert read(samples, "dora_change_failures", cause="rollback") == 0
    assert read(samples, "dora_unattributed_incidents") == 0


def test_a_verdict_of_not_failed_leaves_the_incident_attributed() -> None:
    samples = gauges([deployment(verdict=Verdict(change_failure=False))], [incident()])
    assert read(samples, "dora_failed_deployments") == 0
    assert read(samples, "dora_unattributed_incidents") == 0


def test_a_commit_counts_once_at_its_first_deployment() -> None:
    first = deployment(finished_at=NOW_MS - 2 * DAY_MS, commits=(Commit("a" * 40, NOW_MS - 3 * DAY_MS),))
    second = deployment(commits=(Commit("a" * 40, NOW_MS - 3 * DAY_MS), Commit("b" * 40, NOW_MS - 2 * DAY_MS)))
    samples = gauges([second, first])
    assert read(samples, "dora_lead_time_commits") == 2
    assert read(samples, "dora_change_lead_time_seconds", statistic="mean") == 86_400


@pytest.mark.parametrize(("ahead_ms", "samples"), [(5 * MINUTE_MS, [0.0]), (5 * MINUTE_MS + 1, []), (-1000, [1.0])])
def test_a_commit_may_be_five_minutes_ahead_of_its_deployment(ahead_ms: int, samples: list[float]) -> None:
    shipped = deployment(finished_at=NOW_MS, commits=(Commit("a" * 40, NOW_MS + ahead_ms),))
    found = gauges([shipped])
    assert read(found, "dora_lead_time_commits") == len(samples)
    assert read(found, "dora_change_lead_time_seconds", statistic="median") == next(iter(samples), None)


def test_the_last_deployment_outlives_the_retention_and_other_old_ones_do_not() -> None:
    old = [deployment(finished_at=NOW_MS - days * DAY_MS, version="v1") for days in (500, 600)]
    now = deployment(finished_at=NOW_MS, version="v1")
    assert read(gauges(old), "dora_last_deployment_timestamp_seconds") == (NOW_MS - 500 * DAY_MS) / 1000
    samples = gauges([*old, now], window=("2y", 730 * DAY_MS))
    assert samples["dora_deployments", frozenset((CHECKOUT | {"window": "2y"}).items())] == 1


def test_an_old_resolved_or_a_merged_incident_does_not_make_a_series_known() -> None:
    began = NOW_MS - 500 * DAY_MS
    assert gauges(incidents=[incident(started_at=began, finished_at=began), incident(merged_into="another")]) == {}


def test_a_deployment_to_come_makes_its_series_known_and_counts_nowhere() -> None:
    samples = gauges([deployment(finished_at=NOW_MS + 1)])
    assert read(samples, "dora_deployments") == 0
    assert read(samples, "dora_change_failure_rate") is None
    assert read(samples, "dora_last_deployment_timestamp_seconds") is None


def test_an_incident_whose_end_is_to_come_is_open() -> None:
    samples = gauges(incidents=[incident(started_at=NOW_MS, finished_at=NOW_MS + 1)])
    assert read(samples, "dora_open_incidents") == 1
    assert read(samples, "dora_oldest_open_incident_timestamp_seconds") == NOW_MS / 1000
    assert read(samples, "dora_restored_incidents") == 0


def test_an_incident_of_two_services_counts_in_each_and_once_in_its_team() -> None:
    trouble = incident(services=("cart", "checkout"))
    samples = gauges([deployment()], [trouble], team_of={"cart": "crew", "checkout": "crew"})
    team = frozenset({"team": "crew", "environment": "production", "window": "7d"}.items())
    cart = frozenset({"service": "cart", "environment": "production", "window": "7d"}.items())
    assert read(samples, "dora_incidents") == 1
    assert samples["dora_incidents", cart] == 1
    assert samples["dora_unattributed_incidents", cart] == 1
    assert samples["dora_team_incidents", team] == 1
    assert samples["dora_team_unattributed_incidents", team] == 0


def test_an_incident_of_a_team_alone_is_in_no_series_and_unattributed() -> None:
    samples = gauges([deployment(team="crew")], [incident(services=(), team="crew")])
    team = frozenset({"team": "crew", "environment": "production", "window": "7d"}.items())
    assert read(samples, "dora_incidents") == 0
    assert samples["dora_team_unattributed_incidents", team] == 1


def test_a_team_that_an_event_names_wins_over_the_configured_one() -> None:
    samples = gauges([deployment(team="crew")], team_of={"checkout": "squad"})
    assert {dict(labels).get("team") for name, labels in samples if name == "dora_team_deployments"} == {"crew"}


def test_surplus_series_are_judged_alone_and_shown_as_one() -> None:
    order = [("cart", "production"), ("checkout", "production"), ("search", "production")]
    deployments = [deployment(service=service, version="v1") for service, _ in order]
    samples = gauges(deployments, [incident()], series_limit=1, series_order=order)
    other = {"service": "_other", "environment": "_other"}
    windowed = frozenset((other | {"window": "7d"}).items())
    assert {dict(labels)["service"] for name, labels in samples if name == "dora_deployments"} == {"cart", "_other"}
    assert samples["dora_deployments", windowed] == 2
    assert samples["dora_change_failure_rate", windowed] == 0.5
    infos = [dict(labels)["service"] for name, labels in samples if name == "dora_service_info"]
    assert infos == ["cart"]


def test_surplus_teams_are_shown_as_one_and_which_they_are_follows_from_the_first_appearance() -> None:
    order = [("cart", "production"), ("\x1fzoo", "production"), ("till", "production"), ("\x1fcrew", "production")]
    deployments = [
        deployment(service="cart", team="zoo"),
        deployment(service="till", version="v1"),
        deployment(service="cart", team="crew", version="v2"),
    ]
    found = gauges(deployments, [], series_limit=2, series_order=order, team_of={"till": "squad"})
    teams = {dict(labels)["team"]: found[name, labels] for name, labels in found if name == "dora_team_deployments"}

    assert teams == {"zoo": 1, "squad": 1, "_other": 1}


def test_service_info_tells_the_latest_deployments_team_and_repository() -> None:
    earlier = deployment(finished_at=NOW_MS - 1, team="crew", repository="git.example/one")
    latest = deployment(finished_at=NOW_MS, team="squad")
    infos = [labels for name, labels in gauges([latest, earlier]) if name == "dora_service_info"]
    assert infos == [frozenset((CHECKOUT | {"team": "squad", "repository": ""}).items())]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_every_world_adds_up(world: World) -> None:
    samples = expected(
        world.deployments,
        world.incidents,
        now_ms=world.now_ms,
        windows=WINDOWS,
        retention_ms=RETENTION_MS,
        attribution_limit_ms=world.attribution_limit_ms,
        team_of=world.team_of,
        rollback_rule=world.rollback_rule,
    )
    for (name, labels), value in samples.items():
        prefix, _, family = name.partition("deployments")
        if family == "" and prefix in {"dora_", "dora_team_"}:
            failed = samples[f"{prefix}failed_deployments", labels]
            causes = [
                found
                for (other, others), found in samples.items()
                if other == f"{prefix}change_failures" and labels < others
            ]
            assert sum(causes) == failed <= value
            assert samples.get((f"{prefix}change_failure_rate", labels)) == (failed / value if value else None)
