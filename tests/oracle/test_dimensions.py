"""Dimensions on examples worked out by hand: the engine shows what the oracle expects, and both are right."""

import asyncio

import pytest
from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.oracle.comparing import differences
from tests.oracle.daemons import Daemon
from tests.strategies import RETENTION_MS, WINDOWS

from dora_exporter.dora.events import DAY_MS, Event
from dora_exporter.dora.records import Deletion
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.explanation import METRICS
from dora_exporter.series.explanation_subject import Subject


def daemon_with(
    *events: Event | Deletion, values: int = 50, series: int = 10, names: tuple[str, ...] = ("customer",)
) -> Daemon:
    daemon = Daemon(
        Definitions(
            windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=series, dimensions=names, values_limit=values
        )
    )
    for event in events:
        daemon.perform(event)
        assert differences(daemon.samples(), daemon.expected()) == {}
    return daemon


def shipped(customer: str, hours_ago: int, **more: object) -> Event:
    return deployment(tags=(f"customer:{customer}",), finished_at=NOW_MS - hours_ago * HOUR_MS, **more)


def of_values(daemon: Daemon, family: str = "deployments") -> dict[tuple[str, str], float]:
    """A family by value and environment, in the longest window."""
    found = {}
    for (name, labels), value in daemon.samples().items():
        own = dict(labels)
        if name == f"dora_dimension_{family}" and own["window"] == "7d":
            found[own["value"], own["environment"]] = value
    return found


def test_a_dimension_counts_by_the_first_tag_of_its_name_that_has_a_value() -> None:
    daemon = daemon_with(
        deployment(tags=("tier:1", "customer:", "customer:acme", "customer:other")),
        deployment(tags=("customer", "customers:x", "Customer:y")),
        deployment(),
        incident(tags=("customer:acme",), services=("checkout", "cart")),
    )
    assert of_values(daemon) == {("acme", "production"): 1}
    assert of_values(daemon, "incidents") == {("acme", "production"): 1}
    assert of_values(daemon, "change_failure_rate") == {("acme", "production"): 1}


def test_there_are_the_four_metrics_and_their_counts_and_none_without_dimensions() -> None:
    def families(daemon: Daemon) -> set[str]:
        names = {family.name for cache in daemon.text.caches for family in cache.families}
        return {name.removeprefix("dora_dimension_") for name in names if name.startswith("dora_dimension_")}

    assert families(daemon_with()) == {
        *("deployment_frequency_per_day", "deployments", "change_lead_time_seconds", "lead_time_commits"),
        *("change_failure_rate", "failed_deployments", "time_to_restore_seconds", "restored_incidents", "incidents"),
    }
    assert families(daemon_with(names=())) == set()


def test_the_values_of_the_first_events_keep_their_names_in_whatever_order_they_come() -> None:
    daemon = daemon_with(
        shipped("zeta", 1), shipped("beta", 2), shipped("alpha", 3), shipped("alpha", 4, environment="e"), values=2
    )
    kept = {("alpha", "e"): 1, ("alpha", "production"): 1, ("beta", "production"): 1, ("_other", "production"): 1}
    assert of_values(daemon) == kept
    daemon.restart()
    assert of_values(daemon) == kept


def test_a_value_that_is_gone_makes_room_for_the_next() -> None:
    daemon = daemon_with(
        shipped("beta", 2),
        shipped("alpha", 3, id="first"),
        shipped("zeta", 1),
        Deletion("deployment", "first", NOW_MS),
        values=2,
    )
    assert of_values(daemon) == {("beta", "production"): 1, ("zeta", "production"): 1}
    daemon.now_ms += RETENTION_MS - DAY_MS
    assert differences(daemon.samples(), daemon.expected()) == {}


def test_the_rest_of_an_environment_goes_with_its_last_event() -> None:
    daemon = daemon_with(
        shipped("acme", 3),
        shipped("late", 2),
        shipped("late", 1, environment="e", id="moved"),
        shipped("late", 1, environment="f", id="moved"),
        values=1,
    )
    assert of_values(daemon) == {("acme", "production"): 1, ("_other", "production"): 1, ("_other", "f"): 1}


def test_the_limit_of_series_protects_from_ever_new_environments() -> None:
    events = [shipped("acme", 5, environment=f"env-{number}") for number in range(4)]
    daemon = daemon_with(*events, shipped("late", 1, environment="env-0"), values=1, series=3)
    assert of_values(daemon) == {
        ("acme", "env-0"): 1,
        ("_other", "env-0"): 1,
        ("acme", "env-1"): 1,
        ("_other", "_other"): 2,
    }


@pytest.mark.parametrize(("sent", "shown"), [("_other", "_other_"), ("x" * 300, "x" * 200), ("50%: \\n", "50%: \\n")])
def test_any_value_is_shown_as_far_as_a_label_may_be_that(sent: str, shown: str) -> None:
    assert of_values(daemon_with(shipped(sent, 1))) == {(shown, "production"): 1}


def test_a_number_of_a_value_is_explained() -> None:
    daemon = daemon_with(shipped("acme", 1, id="a"), shipped("other", 1, id="b"))
    subject, window = Subject("dimension", "acme", "production", "customer"), daemon.engine.windows()[-1]
    explanation = asyncio.run(subject.explain(daemon.engine, METRICS["dora_deployments"], window))
    assert explanation is not None
    assert [each.deployment.id for each in explanation.deployments] == ["a"]
    assert subject.labels == {"dimension": "customer", "value": "acme", "environment": "production"}
