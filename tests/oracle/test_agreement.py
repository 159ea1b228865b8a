"""Readings, kept up to date write by write, always show what the oracle computes from nothing."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.oracle.comparing import differences
from tests.oracle.daemons import Daemon, definitions
from tests.strategies import Action, actions

from dora_exporter.readings import Definitions


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definitions=definitions, actions=st.lists(actions(), min_size=5, max_size=40))
def test_many_actions_between_two_scrapes_leave_nothing_behind(definitions: Definitions, actions: list[Action]) -> None:
    daemon = Daemon(definitions)
    daemon.samples()
    for action in actions:
        daemon.perform(action)
    assert differences(daemon.samples(), daemon.expected()) == {}
