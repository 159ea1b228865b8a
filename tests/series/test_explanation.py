"""What an explanation lists adds up to the gauge that it explains, for any world."""

import asyncio
import statistics
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from msgspec.structs import replace
from tests import strategies
from tests.builders import NOW_MS, deployment, incident

from dora_exporter.dora.commit_messages import parse_commit
from dora_exporter.dora.events import DAY_MS, MINUTE_MS, Commit, Event, Remediation, Series, Shipped, Verdict
from dora_exporter.dora.failures.rollback import Rollback
from dora_exporter.dora.groups import Groups
from dora_exporter.dora.incident_rules import IncidentRules
from dora_exporter.dora.records import Judgement
from dora_exporter.dora.sliding_window import Window
from dora_exporter.dora.store import EventStore
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine
from dora_exporter.series.explanation import METRICS, Explanation, add_unknown, explain
from dora_exporter.series.membership import team
from dora_exporter.series.rollup_explanation import explain_rollup

CREW = (team("crew"), "production")


def read(
    store: EventStore,
    *,
    limit_ms: int | None = None,
    rolls_back: bool = True,
    team_of: Mapping[str, str] | None = None,
    incident_rules: IncidentRules | None = None,
    groups: Groups | None = None,
) -> Engine:
    """What is read from a store at the time of the tests."""
    definitions = Definitions(
        windows=strategies.WINDOWS,
        retention_ms=strategies.RETENTION_MS,
        series_limit=100,
        attribution_limit_ms=limit_ms,
        rules=(Rollback(),) if rolls_back else (),
        teams=team_of or {},
        incidents=incident_rules or IncidentRules(),
        groups=groups or Groups(),
    )
    engine = Engine(store, definitions)
    asyncio.run(engine.load(NOW_MS))
    while not engine.update(NOW_MS):
        pass
    return engine


def explained(engine: Engine, series: Series, name: str, window: Window) -> Explanation:
    state = engine.state(series)
    assert state is not None
    return asyncio.run(explain(state, engine.aggregates.series[series].measures, METRICS[name], window))


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
        "dora_deployment_attempts": {
            (outcome,): sum((each.deployment.outcome or "succeeded") == outcome for each in deployments)
            for outcome in ("succeeded", "failed", "canceled")
        },
        "dora_deployment_frequency_per_day": {(): total / window.days},
        "dora_lead_time_commits": {(): len(samples["dora_change_lead_time_seconds"])},
        "dora_failed_deployments": {(): sum(causes.values())},
        "dora_change_failure_rate": {(): sum(causes.values()) / total} if total else {},
        "dora_change_failures": {
            (cause,): causes[cause] for cause in ("verdict", "rollback", "revert", "rule", "incident")
        },
        "dora_deployment_rework_rate": {(): sum(each.facts.rework for each in deployments) / total} if total else {},
        "dora_rework_deployments": {(): sum(each.facts.rework for each in deployments)},
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
    severities = {each.facts.severity for each in incidents if each.facts.severity}
    if name == "dora_incidents_by_severity":
        by_severity = Counter(each.facts.severity for each in incidents)
        return {labels: by_severity[labels[0]] for labels in explanation.values}
    if name == "dora_time_to_restore_by_severity_seconds":
        return {
            (severity, *labels): value
            for severity in severities
            for labels, value in statistics_of(
                [each.restore_ms or 0 for each in incidents if each.facts.severity == severity]
            ).items()
        }
    if name == "dora_lead_time_stage_seconds":
        stages = [sample for each in deployments for sample in each.facts.stages]
        return {
            (stage, *labels): value
            for stage in {stage for stage, _ in stages}
            for labels, value in statistics_of([value for name, value in stages if name == stage]).items()
        }
    return statistics_of(samples[name])


def statistics_of(samples: list[int]) -> dict[tuple[str, ...], float]:
    """Mean, median and 90th percentile in seconds."""
    values = sorted(samples)
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
    engine = read(
        store,
        limit_ms=world.attribution_limit_ms,
        rolls_back=world.rollback_rule,
        incident_rules=world.incident_rules,
    )

    for series in engine.aggregates.series:
        for window in engine.windows():
            for name in METRICS:
                explanation = explained(engine, series, name, window)
                assert recounted(explanation, window) == pytest.approx(explanation.values), name


@settings(max_examples=60, deadline=None)
@given(strategies.worlds())
def test_what_is_listed_of_a_team_or_group_adds_up_to_its_gauge(world: strategies.World) -> None:
    store = EventStore()
    store.apply_all([*world.deployments, *world.incidents])
    engine = read(
        store,
        limit_ms=world.attribution_limit_ms,
        rolls_back=world.rollback_rule,
        team_of=world.team_of,
        incident_rules=world.incident_rules,
        groups=world.groups,
    )

    for (*rollup, (_, environment)), aggregate in engine.aggregates.rollups.items():
        for window in engine.windows():
            for metric in METRICS.values():
                explanation = asyncio.run(explain_rollup(engine, (tuple(rollup), environment), metric, window))
                assert (explanation is None) == (aggregate.present == 0)
                if explanation is not None:
                    assert recounted(explanation, window) == pytest.approx(explanation.values), metric.name
                    assert explanation.values == dict(metric.read(aggregate.measures, window))


@pytest.mark.parametrize(
    ("metric", "numbers"),
    [
        ("dora_deployments", {"deployments": 2}),
        ("dora_deployment_frequency_per_day", {"deployments": 2}),
        ("dora_deployment_attempts", {"attempts": 3, "attempts_failed": 1, "attempts_succeeded": 2}),
        ("dora_change_failure_rate", {"deployments": 2, "failed": 1, "failed_rollback": 1}),
        ("dora_failed_deployments", {"deployments": 2, "failed": 1, "failed_rollback": 1}),
        ("dora_change_failures", {"deployments": 2, "failed": 1, "failed_rollback": 1}),
        ("dora_change_lead_time_seconds", {"deployments": 2, "commits": 1}),
        ("dora_lead_time_commits", {"deployments": 2, "commits": 1}),
        (
            "dora_lead_time_stage_seconds",
            {"deployments": 2, "commits": 1, "stages": 2, "stages_deploy": 1, "stages_time_to_deploy": 1},
        ),
        ("dora_deployment_rework_rate", {"deployments": 2, "rework": 1}),
        ("dora_rework_deployments", {"deployments": 2, "rework": 1}),
        ("dora_unidentified_deployments", {"deployments": 2, "unidentified": 0}),
        ("dora_failed_deployment_recovery_time_seconds", {"recovered": 1}),
        ("dora_recovered_deployments", {"recovered": 1}),
        ("dora_incidents", {"incidents": 1}),
        ("dora_unattributed_incidents", {"incidents": 1, "unattributed": 0}),
        ("dora_time_to_restore_seconds", {"restored": 1}),
        ("dora_restored_incidents", {"restored": 1}),
        ("dora_incidents_by_severity", {"incidents": 1, "incidents_severity_2": 1}),
        ("dora_time_to_restore_by_severity_seconds", {"restored": 1, "restored_severity_2": 1}),
    ],
)
def test_the_numbers_are_those_of_the_gauge_and_no_others(metric: str, numbers: dict[str, int]) -> None:
    store = EventStore()
    commit = Commit("a" * 40, NOW_MS - 3 * DAY_MS)
    store.apply_all(
        [
            deployment(id="old", version="v1", finished_at=NOW_MS - 9 * DAY_MS),
            deployment(id="bad", version="v2", finished_at=NOW_MS - 2 * DAY_MS, commits=(commit,)),
            deployment(id="back", version="v1", finished_at=NOW_MS - DAY_MS),
            deployment(id="tried", version="v3", finished_at=NOW_MS - DAY_MS, outcome="failed"),
            incident(id="blamed", started_at=NOW_MS - 2 * DAY_MS, finished_at=NOW_MS - DAY_MS),
        ]
    )
    engine = read(store, incident_rules=IncidentRules(unknown_severity=2))
    week = engine.windows()[1]

    assert explained(engine, Series("checkout", "production"), metric, week).numbers() == numbers
    assert len(METRICS) == 20


def test_an_incident_of_several_services_of_a_team_is_explained_once_by_the_service_that_attributes_it() -> None:
    store = EventStore()
    store.apply_all(
        [
            incident(id="i", services=("alpha", "checkout"), started_at=NOW_MS - DAY_MS),
            deployment(id="d", finished_at=NOW_MS - 2 * DAY_MS),
            deployment(id="e", service="cart", team="squad", finished_at=NOW_MS - 3 * DAY_MS),
            deployment(id="f", team="squad", finished_at=NOW_MS + MINUTE_MS),
            deployment(id="g", finished_at=NOW_MS + MINUTE_MS),
            incident(id="j", services=(), team="crew", started_at=NOW_MS - DAY_MS - 1),
            incident(id="k", services=("cart",), team="crew", environment="staging"),
        ]
    )
    engine = read(store, team_of={"checkout": "crew", "alpha": "crew"})
    week = engine.windows()[1]

    of_restored = asyncio.run(explain_rollup(engine, CREW, METRICS["dora_restored_incidents"], week))
    of_incidents = asyncio.run(explain_rollup(engine, CREW, METRICS["dora_incidents"], week))
    of_deployments = asyncio.run(explain_rollup(engine, CREW, METRICS["dora_deployments"], week))

    assert of_restored is not None
    assert sorted(each.id for each in of_restored.left_out) == ["i", "j"]
    assert of_incidents is not None
    assert of_deployments is not None
    assert [(each.incident.id, each.attributed_to) for each in of_incidents.incidents] == [("i", "d"), ("j", None)]
    assert [each.deployment.id for each in of_deployments.deployments] == ["d"]
    assert [(each.id, each.reason) for each in of_deployments.left_out] == [("g", "finishes later")]
    assert (
        asyncio.run(explain_rollup(engine, (team("nobody"), "production"), METRICS["dora_deployments"], week)) is None
    )


def test_a_series_that_changes_while_a_team_is_explained_is_explained_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dora_exporter.runtime.cooperative.TURN_SECONDS", 0)
    store, metric = EventStore(), METRICS["dora_deployments"]
    store.apply_all([deployment(id=f"d{number}", team="crew") for number in range(20)])
    engine = read(store)
    week = engine.windows()[1]

    async def meanwhile() -> Explanation | None:
        explaining = asyncio.create_task(explain_rollup(engine, CREW, metric, week))
        for number in range(30):
            await asyncio.sleep(0)
            store.apply(deployment(id=f"e{number}", team="crew"))
            while not engine.update(NOW_MS):
                pass
        return await explaining

    explanation = asyncio.run(meanwhile())

    assert explanation is not None
    listed = {each.deployment.id for each in explanation.deployments}
    assert len(listed) > 20
    assert explanation.values == {(): len(listed)}


def test_a_series_that_changes_after_it_was_explained_is_explained_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dora_exporter.runtime.cooperative.TURN_SECONDS", 0)
    store, metric = EventStore(), METRICS["dora_deployments"]
    store.apply(deployment(id="first", service="a", team="crew"))
    store.apply_all([deployment(id=f"d{number}", service="b", team="crew") for number in range(20)])
    engine = read(store)
    week = engine.windows()[1]

    async def meanwhile() -> Explanation | None:
        explaining = asyncio.create_task(explain_rollup(engine, CREW, metric, week))
        for _ in range(10):
            await asyncio.sleep(0)
        store.apply(deployment(id="second", service="a", team="crew"))
        while not engine.update(NOW_MS):
            pass
        return await explaining

    explanation = asyncio.run(meanwhile())

    assert explanation is not None
    assert explanation.values == {(): 22}
    assert {"first", "second"} < {each.deployment.id for each in explanation.deployments}


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
    engine = read(store)
    week = engine.windows()[1]

    rate = explained(engine, series, "dora_change_failure_rate", week)
    begun = explained(engine, series, "dora_incidents", week)

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


def test_what_lands_something_again_is_said_to_blame_nobody() -> None:
    messages = ("Round up", 'Revert "Round up"', 'Reapply "Round up"', "Else")
    store = EventStore()
    for day, (version, message) in enumerate(zip(("v1", "v2", "v1", "v2"), messages, strict=True)):
        store.apply(
            deployment(
                id=f"d{day}",
                version=version,
                finished_at=NOW_MS - (5 - day) * DAY_MS,
                commits=(parse_commit(f"{day}" * 40, NOW_MS - 9 * DAY_MS, message),),
            )
        )
    window = Window("7d", 7 * DAY_MS, NOW_MS)

    explanation = explained(read(store), Series("checkout", "production"), "dora_failed_deployments", window)

    assert {(each.kind, each.id, each.reason) for each in explanation.left_out} >= {
        ("revert", "2" * 40, "reverts a revert, which restores a change: no deployment failed"),
        ("rollback", "d3", "redeploys what was rolled back: no deployment failed, and it is not rework"),
    }


def test_a_lead_time_says_of_which_deployments_the_commits_are_unknown() -> None:
    store = EventStore()
    event = deployment(finished_at=NOW_MS, repository="git.example/typo", commit_sha="a" * 40)
    store.apply(event)
    engine = read(store)
    window = next(iter(engine.windows()))
    reasons = {}
    for name in ("dora_lead_time_commits", "dora_change_lead_time_seconds", "dora_deployments"):
        explanation = explained(engine, event.series, name, window)
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
    engine = read(store)
    explanation = explained(engine, event.series, "dora_lead_time_commits", next(iter(engine.windows())))
    assert [each.reason for each in explanation.left_out] == [
        "counted since an earlier deployment: the commits of the 2 before it stay unknown"
    ]


@pytest.mark.parametrize(
    ("known", "name"),
    [
        ({"version": "v7", "commit_sha": "ab" * 20}, "v7"),
        ({"version": None, "commit_sha": "ab" * 20}, "abababababab"),
        ({"version": None, "commit_sha": None}, "the id"),
    ],
)
def test_a_remedy_and_an_incident_have_the_names_that_people_know_them_by(
    known: dict[str, str | None], name: str
) -> None:
    store = EventStore()
    times = {"started_at": NOW_MS - MINUTE_MS, "finished_at": NOW_MS - MINUTE_MS}
    verdict = Verdict(change_failure=True, remediation=Remediation("rollforward", id="the id"))
    store.apply(deployment(id="bad", started_at=NOW_MS - DAY_MS, finished_at=NOW_MS - DAY_MS))
    store.apply(Judgement("bad", verdict))
    store.apply(replace(deployment(id="the id", **times), **known))
    for incident_id, title in (("a", "No prices"), ("b", None)):
        store.apply(replace(incident(id=incident_id, started_at=NOW_MS - DAY_MS + 1), name=title))
    found = explained(
        read(store), Series("checkout", "production"), "dora_deployments", Window("7d", 7 * DAY_MS, NOW_MS)
    )
    (failure,) = [each.failure for each in found.deployments if each.failure]
    assert (failure.remedies, failure.remedy_names) == (("the id",), (name,))
    assert (failure.incidents, failure.incident_names) == (("a", "b"), ("No prices", "b"))
