"""Measures are what was added to them, and nothing of what was removed."""

import pytest
from tests.dora.metrics.reading import BY_NAME, LAST_MS, Facts, began, measures, values_of

from dora_exporter.dora.events import DAY_MS
from dora_exporter.dora.lead_time_stages import STAGES
from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts, Measures
from dora_exporter.dora.sliding_window import Window

FULL = DeploymentFacts(
    LAST_MS,
    "apm",
    identified=False,
    cause="revert",
    rework=True,
    recovery=(LAST_MS, 3000),
    lead_times=(60_000, 9000),
    stages=tuple((stage, 1000) for stage in STAGES),
    dropped=2,
)
INCIDENTS = (
    began(LAST_MS - 9000, restored_at=LAST_MS - 8000),
    began(LAST_MS - 7000, attributed=False),
    began(LAST_MS - 1000, restored_at=LAST_MS - 250, attributed=False),
)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_what_is_removed_leaves_no_value_behind(name: str) -> None:
    of = measures(FULL, *INCIDENTS)
    before = values_of(name, of)
    of.remove_deployment(FULL)
    for each in INCIDENTS:
        of.remove_incident(each)

    assert before != values_of(name, of)
    assert values_of(name, of) == values_of(name, Measures())
    assert of.dropped == 0


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_absorbed_measures_count_until_they_are_released(name: str) -> None:
    of, other = Measures(), measures(FULL, *INCIDENTS)
    list(of.absorbing([other]))
    assert values_of(name, of) == values_of(name, other)
    assert of.dropped == FULL.dropped

    list(of.releasing([other]))
    assert values_of(name, of) == values_of(name, Measures())
    assert of.dropped == 0


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], None, id="no event"),
        pytest.param([DeploymentFacts(LAST_MS - 5, "api")], LAST_MS - 5, id="a finish"),
        pytest.param([DeploymentFacts(1, "api", recovery=(LAST_MS - 4, 1))], LAST_MS - 4, id="a recovery"),
        pytest.param([began(LAST_MS - 3)], LAST_MS - 3, id="the beginning of an incident"),
        pytest.param([began(1, restored_at=LAST_MS - 2)], LAST_MS - 2, id="the end of an incident"),
        pytest.param([DeploymentFacts(LAST_MS - DAY_MS, "api")], None, id="left already"),
    ],
)
def test_measures_change_when_the_first_event_leaves_a_window(facts: list[Facts], expected: int | None) -> None:
    found = measures(*facts).changes_after([Window("1d", DAY_MS, LAST_MS)])

    assert found == (None if expected is None else expected + DAY_MS)


def test_the_shortest_window_is_the_first_that_changes() -> None:
    of = measures(DeploymentFacts(LAST_MS, "api"))

    assert of.changes_after([Window("7d", 7 * DAY_MS, LAST_MS), Window("1d", DAY_MS, LAST_MS)]) == LAST_MS + DAY_MS


def test_facts_are_no_work_for_the_garbage_collector() -> None:
    """A million of them are held, which it would look at again and again."""
    assert [each.__struct_config__.gc for each in (DeploymentFacts, IncidentFacts)] == [False, False]


def test_measures_without_sources_keep_none() -> None:
    of = Measures(is_by_source=False)
    of.add_deployment(FULL)
    of.add_incident(INCIDENTS[0])

    assert of.sources == {}
    assert of.emptied().is_by_source is False
