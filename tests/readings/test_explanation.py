"""What an explanation lists adds up to the gauge that it explains, for any world."""

import asyncio
import statistics
from collections import Counter

import pytest
from hypothesis import given, settings
from tests import strategies
from tests.builders import NOW_MS, deployment, incident

from dora_exporter.events import DAY_MS, MINUTE_MS, Commit, Event, Series, Shipped, Verdict
from dora_exporter.explanation import METRICS, Explanation, add_unknown, explain
from dora_exporter.failures.rollback import Rollback
from dora_exporter.readings import Definitions, Readings
from dora_exporter.store import EventStore
from dora_exporter.tracks import Window


def read(store: EventStore, *, limit_ms: int | None = None, rolls_back: bool = True) -> Readings:
    """What is read from a store at the time of the tests."""
    definitions = Definitions(
        windows=strategies.WINDOWS,
        retention_ms=strategies.RETENTION_MS,
        series_limit=100,
        attribution_limit_ms=limit_ms,
        rules=(Rollback(),) if rolls_back else (),
    )
    readings = Readings(store, definitions)
    asyncio.run(readings.load(NOW_MS))
    while not readings.update(NOW_MS):
        pass
    return readings


def explained(readings: Readings, series: Series, name: str, window: Window) -> Explanation:
    timeline = readings.timeline(series)
    assert timeline is not None
    return asyncio.run(explain(timeline, readings.tallies.series[series].history, METRICS[name], window))


def recounted(explanation: Explanation, window: Window) -> dict[tuple[str, ...], float]:
    """The gauge's values, from nothing but what is listed."""
    deployments, incidents = explanation.deployments, explanation.incidents
    causes = Counter(each.failure.cause for each in deployments if each.failure)
    total = len(deployments)
    samples = {
        "dora_change_lead_time_seconds": [value for each in deployments for _, value in each.lead_times_ms],
        "dora_failed_deployment_recovery_time_seconds": [
            each.recovery_ms for each in deployments if each.recovery_ms is not None
        ],
        "dora_time_to_restore_seconds": [each.restore_ms for each in incidents if each.restore_ms is not None],
    }
    counts: dict[str, dict[tuple[str, ...], float]] = {
        "dora_deployments": {(): total},
        "dora_deployment_frequency_per_day": {(): total / window.days},
        "dora_lead_time_commits": {(): len(samples["dora_change_lead_time_seconds"])},
        "dora_failed_deployments": {(): sum(causes.values())},
        "dora_change_failure_rate": {(): sum(causes.values()) / total} if total else {},
        "dora_change_failures": {
            (cause,): causes[cause] for cause in ("verdict", "rollback", "revert", "rule", "incident")
        },
        "dora_deployment_rework_rate": {(): sum(each.is_rework for each in deployments) / total} if total else {},
        "dora_rework_deployments": {(): sum(each.is_rework for each in deployments)},
        "dora_recovered_deployments": {(): len(samples["dora_failed_deployment_recovery_time_seconds"])},
        "dora_unidentified_deployments": {
            (): sum(not (each.deployment.version or each.deployment.commit_sha) for each in deployments)
        },
        "dora_incidents": {(): len(incidents)},
        "dora_restored_incidents": {(): len(incidents)},
        "dora_unattributed_incidents": {(): sum(each.attributed_to is None for each in incidents)},
    }
    name = explanation.metric.name
    if name in counts:
        return counts[name]
    values = sorted(samples[name])
    if not values:
        return {}
    whole, part = divmod(9 * (len(values) - 1), 10)
    above = values[min(whole + 1, len(values) - 1)]
    return {
        ("mean",): sum(values) / (len(values) * 1000),
        ("median",): statistics.median(values) / 1000,
        ("p90",): (values[whole] + (above - values[whole]) * part / 10) / 1000,
    }


@settings(max_examples=60, deadline=None)
@given(strategies.worlds())
def test_what_is_listed_adds_up_to_the_gauge(world: strategies.World) -> None:
    store = EventStore()
    events: list[Event] = [*world.deployments, *world.incidents]
    for event in events:
        store.apply(event)
    readings = read(store, limit_ms=world.attribution_limit_ms, rolls_back=world.rollback_rule)

    for series in readings.tallies.series:
        for window in readings.windows():
            for name in METRICS:
                explanation = explained(readings, series, name, window)
                assert recounted(explanation, window) == pytest.approx(explanation.values), name


def test_each_link_has_its_rule_and_what_is_left_out_its_reason() -> None:
    store, series = EventStore(), Series("checkout", "production")
    shared = Commit("a" * 40, NOW_MS - 10 * DAY_MS)
    events: list[Event] = [
        deployment(id="old", version="v0", finished_at=NOW_MS - 9 * DAY_MS, commits=(shared,)),
        deployment(id="one", version="v1", finished_at=NOW_MS - 5 * DAY_MS),
        deployment(id="bad", version="v2", finished_at=NOW_MS - 4 * DAY_MS, commits=(shared,)),
        deployment(id="back", version="v1", finished_at=NOW_MS - 3 * DAY_MS),
        deployment(id="soon", version="v3", finished_at=NOW_MS + MINUTE_MS),
        deployment(id="good", finished_at=NOW_MS - DAY_MS, verdict=Verdict(change_failure=False)),
        incident(id="blamed", started_at=NOW_MS - 4 * DAY_MS + 1, finished_at=NOW_MS - 3 * DAY_MS),
        incident(id="early", started_at=NOW_MS - 20 * DAY_MS),
    ]
    for event in events:
        store.apply(event)
    readings = read(store)
    week = readings.windows()[1]

    rate = explained(readings, series, "dora_change_failure_rate", week)
    begun = explained(readings, series, "dora_incidents", week)

    assert {
        each.deployment.id: each.failure and (each.failure.cause, each.failure.remedies, each.failure.incidents)
        for each in rate.deployments
    } == {
        "good": None,
        "back": None,
        "bad": ("rollback", ("back",), ("blamed",)),
        "one": None,
    }
    assert {(each.id, each.reason) for each in rate.left_out} == {
        ("old", "finished outside of the window"),
        ("soon", "finishes later"),
        (shared.sha, "was shipped before"),
    }
    assert [(each.incident.id, each.attributed_to, each.because) for each in begun.incidents] == [
        ("blamed", "bad", "latest deployment")
    ]
    assert [(each.id, each.reason) for each in begun.left_out] == [("early", "began outside of the window")]
    assert rate.numbers()["failed"] == 1


def test_a_lead_time_says_of_which_deployments_the_commits_are_unknown() -> None:
    store = EventStore()
    event = deployment(finished_at=NOW_MS, repository="git.example/typo", commit_sha="a" * 40)
    store.apply(event)
    readings = read(store)
    window = next(iter(readings.windows()))
    reasons = {}
    for name in ("dora_lead_time_commits", "dora_change_lead_time_seconds", "dora_deployments"):
        explanation = explained(readings, event.series, name, window)
        add_unknown(explanation, lambda each: f"nobody has {each.repository}")
        reasons[name] = [each.reason for each in explanation.left_out if each.id == event.id]
    nobody = ["nobody has git.example/typo"]
    assert reasons == {
        "dora_lead_time_commits": nobody,
        "dora_change_lead_time_seconds": nobody,
        "dora_deployments": [],
    }


def test_deployments_that_were_passed_over_are_explained() -> None:
    store = EventStore()
    shipped = Shipped("git.example/shop", "a" * 40, left_out={"passed_over": 2})
    event = deployment(finished_at=NOW_MS, repository="git.example/shop", commit_sha="a" * 40, shipped=shipped)
    store.apply(event)
    readings = read(store)
    explanation = explained(readings, event.series, "dora_lead_time_commits", next(iter(readings.windows())))
    assert [each.reason for each in explanation.left_out] == [
        "counted since an earlier deployment: the commits of 2 just before it are unknown for good"
    ]
