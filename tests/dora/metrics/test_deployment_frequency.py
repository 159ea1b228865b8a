"""Deployments count in the window in which they finished."""

import pytest
from tests.dora.metrics.reading import AFTER_MS, BEFORE_MS, FIRST_MS, LAST_MS, Facts, Values, began, deployed, values


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {(): 0}, id="no deployment"),
        pytest.param([deployed(BEFORE_MS)], {(): 0}, id="last instant before the window"),
        pytest.param([deployed(FIRST_MS)], {(): 1}, id="first instant"),
        pytest.param([deployed(LAST_MS)], {(): 1}, id="last instant"),
        pytest.param([deployed(AFTER_MS)], {(): 0}, id="first instant after it"),
        pytest.param(
            [deployed(BEFORE_MS), deployed(FIRST_MS), deployed(LAST_MS), deployed(AFTER_MS)], {(): 2}, id="all of them"
        ),
    ],
)
def test_a_window_counts_the_deployments_that_finished_in_it(facts: list[Facts], expected: Values) -> None:
    assert values("dora_deployments", *facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {(): 0 / 7}, id="no deployment"),
        pytest.param([deployed(BEFORE_MS)], {(): 0 / 7}, id="last instant before the window"),
        pytest.param([deployed(FIRST_MS)], {(): 1 / 7}, id="first instant"),
        pytest.param([deployed(LAST_MS)], {(): 1 / 7}, id="last instant"),
        pytest.param([deployed(AFTER_MS)], {(): 0 / 7}, id="first instant after it"),
        pytest.param(
            [deployed(BEFORE_MS), deployed(FIRST_MS), deployed(LAST_MS), deployed(AFTER_MS)],
            {(): 2 / 7},
            id="all of them",
        ),
    ],
)
def test_the_frequency_is_per_day_of_the_window_and_0_without_a_deployment(
    facts: list[Facts], expected: Values
) -> None:
    assert values("dora_deployment_frequency_per_day", *facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {}, id="no deployment"),
        pytest.param([deployed(BEFORE_MS)], {(): BEFORE_MS / 1000}, id="before the window"),
        pytest.param(
            [deployed(LAST_MS), deployed(FIRST_MS)], {(): LAST_MS / 1000}, id="the latest of two, in any order"
        ),
        pytest.param([began(LAST_MS)], {}, id="an incident is no deployment"),
    ],
)
def test_the_last_deployment_has_no_window(facts: list[Facts], expected: Values) -> None:
    assert values("dora_last_deployment_timestamp_seconds", *facts) == expected
