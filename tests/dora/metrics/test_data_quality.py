"""What tells a quiet series from a broken one."""

import pytest
from tests.dora.metrics.reading import (
    AFTER_MS,
    BEFORE_MS,
    FIRST_MS,
    LAST_MS,
    Facts,
    Values,
    began,
    deployed,
    measures,
    values,
    values_of,
)

from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts


def unidentified(at_ms: int) -> DeploymentFacts:
    """A deployment with neither version nor SHA."""
    return DeploymentFacts(at_ms, "api", identified=False)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {(): 0}, id="no deployment"),
        pytest.param([deployed(FIRST_MS)], {(): 0}, id="identified"),
        pytest.param([unidentified(BEFORE_MS)], {(): 0}, id="last instant before the window"),
        pytest.param([unidentified(FIRST_MS)], {(): 1}, id="first instant"),
        pytest.param([unidentified(LAST_MS)], {(): 1}, id="last instant"),
        pytest.param([unidentified(AFTER_MS)], {(): 0}, id="first instant after it"),
    ],
)
def test_a_window_counts_the_unidentified_deployments_that_finished_in_it(facts: list[Facts], expected: Values) -> None:
    assert values("dora_unidentified_deployments", *facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {}, id="no event"),
        pytest.param([deployed(LAST_MS)], {(): LAST_MS / 1000}, id="a deployment"),
        pytest.param(
            [began(FIRST_MS), deployed(BEFORE_MS)], {(): BEFORE_MS / 1000}, id="a deployment before an incident"
        ),
        pytest.param(
            [began(BEFORE_MS, restored_at=LAST_MS), deployed(FIRST_MS)],
            {(): BEFORE_MS / 1000},
            id="an incident counts by its beginning",
        ),
    ],
)
def test_the_first_event_is_the_earliest_deployment_or_incident(facts: list[Facts], expected: Values) -> None:
    assert values("dora_first_event_timestamp_seconds", *facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {}, id="no event"),
        pytest.param([deployed(LAST_MS), deployed(FIRST_MS)], {("api",): LAST_MS / 1000}, id="the latest deployment"),
        pytest.param([began(FIRST_MS, restored_at=LAST_MS)], {("api",): LAST_MS / 1000}, id="the end of an incident"),
        pytest.param(
            [deployed(FIRST_MS), IncidentFacts(LAST_MS, "pagerduty", None, attributed=True)],
            {("api",): FIRST_MS / 1000, ("pagerduty",): LAST_MS / 1000},
            id="each source has its own",
        ),
    ],
)
def test_the_last_event_of_a_source_is_a_finish_or_a_beginning_or_an_end(facts: list[Facts], expected: Values) -> None:
    assert values("dora_last_event_timestamp_seconds", *facts) == expected


def test_the_first_event_moves_when_it_is_removed() -> None:
    of = measures(deployed(BEFORE_MS), deployed(FIRST_MS))

    of.remove_deployment(deployed(BEFORE_MS))

    assert values_of("dora_first_event_timestamp_seconds", of) == {(): FIRST_MS / 1000}
