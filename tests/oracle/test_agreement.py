"""Engine, kept up to date write by write, always show what the oracle computes from nothing."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.oracle.comparing import differences
from tests.oracle.daemons import Daemon, definitions
from tests.strategies import HISTORIES, RETENTION_MS, TEAM_OF, WINDOWS, Action, actions, crowded_actions

from dora_exporter.dora.events import DAY_MS, Remediation, Verdict
from dora_exporter.dora.records import Deletion, Judgement
from dora_exporter.series.definitions import Definitions


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definitions=definitions, actions=st.lists(actions(), max_size=25), restart_after=st.integers(0, 25))
def test_readings_agree_with_the_oracle_after_every_action(
    definitions: Definitions, actions: list[Action], restart_after: int
) -> None:
    daemon = Daemon(definitions)
    for number, action in enumerate(actions):
        daemon.perform(action)
        if number == restart_after:
            daemon.restart()
        assert differences(daemon.samples(), daemon.expected()) == {}


def test_a_remedy_that_moved_before_what_it_remedied_is_no_rework_any_more() -> None:
    failed = deployment(id="deployment-0", finished_at=NOW_MS - 10 * HOUR_MS)
    remedy = deployment(id="deployment-1", finished_at=NOW_MS - 5 * HOUR_MS)
    named = Verdict(change_failure=True, remediation=Remediation("rollforward", id=remedy.id))
    daemon = Daemon(Definitions(windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=10))
    for action in (failed, remedy, Judgement(failed.id, named), deployment(id=remedy.id, finished_at=NOW_MS - DAY_MS)):
        daemon.perform(action)
        assert differences(daemon.samples(), daemon.expected()) == {}


def test_an_incident_of_several_services_that_moved_leaves_nothing_in_its_old_team() -> None:
    daemon = Daemon(Definitions(windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=10, teams=TEAM_OF))
    everywhere = ("cart", "checkout", "search")
    for services, environment, team in itertools.product(
        [("cart", "search"), ("cart", "checkout"), everywhere], ["production", "staging"], [None, "crew", "squad"]
    ):
        daemon.perform(incident(id="moves", services=services, environment=environment, team=team))
        assert differences(daemon.samples(), daemon.expected()) == {}
        daemon.perform(incident(id="moves", services=everywhere, environment="testing", team="guild"))
        assert differences(daemon.samples(), daemon.expected()) == {}


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definitions=definitions, actions=st.lists(crowded_actions(), min_size=4, max_size=16))
def test_what_happens_to_few_events_again_and_again_leaves_nothing_behind(
    definitions: Definitions, actions: list[Action]
) -> None:
    daemon = Daemon(definitions)
    for action in actions:
        daemon.perform(action)
        assert differences(daemon.samples(), daemon.expected()) == {}


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definitions=definitions, actions=st.lists(actions(), min_size=5, max_size=40))
def test_many_actions_between_two_scrapes_leave_nothing_behind(definitions: Definitions, actions: list[Action]) -> None:
    daemon = Daemon(definitions)
    daemon.samples()
    for action in actions:
        daemon.perform(action)
    assert differences(daemon.samples(), daemon.expected()) == {}


@pytest.mark.parametrize("position", range(4))
def test_events_of_the_reserved_name_are_counted_beside_the_surplus_before_and_after_a_restart(position: int) -> None:
    daemon = Daemon(Definitions(windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=2))
    names = ["a", "b", "c"]
    names.insert(position, "_other")
    for number, name in enumerate(names, start=1):
        daemon.perform(deployment(id=name, service=name, environment=name, team=name))
        assert _sums(daemon) == (number, number)
        assert differences(daemon.samples(), daemon.expected()) == {}
    daemon.restart()
    assert _sums(daemon) == (4, 4)


def _sums(daemon: Daemon) -> tuple[float, float]:
    window, _ = WINDOWS[-1]
    series, teams = (
        sum(
            value
            for (name, labels), value in daemon.samples().items()
            if name == family and ("window", window) in labels
        )
        for family in ("dora_deployments", "dora_team_deployments")
    )
    return series, teams


def test_a_team_without_events_is_forgotten_and_may_come_again() -> None:
    daemon = Daemon(Definitions(windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=2))
    daemon.perform(deployment(id="d", team="crew"))
    daemon.perform(deployment(id="e", team="squad"))
    daemon.samples()
    daemon.perform(Deletion("deployment", "d", NOW_MS))
    daemon.samples()
    assert {each.key for each in daemon.engine.aggregates.rollups.values()} == {("squad", "production")}
    daemon.perform(deployment(id="d", team="crew"))
    assert differences(daemon.samples(), daemon.expected()) == {}
    known = {("crew", "production"), ("squad", "production")}
    assert {each.key for each in daemon.engine.aggregates.rollups.values()} == known


def test_a_series_that_ends_takes_no_team_of_its_name_along() -> None:
    daemon = Daemon(Definitions(windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=9))
    for action in (
        deployment(id="d", service="cart", team="crew"),
        deployment(id="e", service="crew"),
        Deletion("deployment", "e", NOW_MS),
        deployment(id="f", service="till", team="crew"),
    ):
        daemon.perform(action)
        assert differences(daemon.samples(), daemon.expected()) == {}
