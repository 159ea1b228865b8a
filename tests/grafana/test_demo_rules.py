"""What the manual says of the demo's alerts happens, whenever the demo is started."""

import re
from pathlib import Path

import pytest
from tests.docs import manual
from tests.grafana.demo_rules import DemoRules, Firing

pytestmark = pytest.mark.e2e

A_TUESDAY_MORNING_MS = 1_764_665_000_000
A_SUNDAY_NIGHT_MS = 1_765_140_300_000


@pytest.mark.parametrize("started_ms", [A_TUESDAY_MORNING_MS, A_SUNDAY_NIGHT_MS])
def test_each_alert_that_the_manual_names_fires_and_resolves_as_it_says(started_ms: int, tmp_path: Path) -> None:
    firing = DemoRules(started_ms, 12, tmp_path).firing([0, 1, 3, 8, 12])
    long = {
        minute: {each for each in fired if each.alert == "DoraIncidentOpenTooLong"} for minute, fired in firing.items()
    }
    assert long == {0: set(), 1: long[1], 3: long[1], 8: long[1], 12: set()}
    assert len(long[1]) == 1

    begun = _demo_incidents(firing[1]) - _demo_incidents(firing[0])
    assert len(begun) == 1
    assert begun.isdisjoint(firing[3])


def test_the_manual_names_no_other_alert_of_the_demo() -> None:
    text = manual.page("docs/getting-started.md").text
    assert set(re.findall(r"\b(?:Dora|Demo)[A-Z]\w+", text)) == {"DoraIncidentOpenTooLong", "DemoIncidentOpen"}


def _demo_incidents(fired: set[Firing]) -> set[Firing]:
    return {each for each in fired if each.alert == "DemoIncidentOpen"}
