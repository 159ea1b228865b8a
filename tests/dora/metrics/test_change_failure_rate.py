"""The rate is a part of the deployments of the window, and absent without one."""

import pytest
from tests.dora.metrics.reading import AFTER_MS, BEFORE_MS, FIRST_MS, LAST_MS, Facts, Values, deployed, failed, values


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {}, id="no deployment"),
        pytest.param([deployed(FIRST_MS)], {(): 0.0}, id="none that failed"),
        pytest.param(
            [failed(BEFORE_MS), deployed(FIRST_MS)], {(): 0.0}, id="failed at the last instant before the window"
        ),
        pytest.param([failed(FIRST_MS), deployed(LAST_MS)], {(): 0.5}, id="failed at the first instant"),
        pytest.param([deployed(FIRST_MS), failed(LAST_MS)], {(): 0.5}, id="failed at the last instant"),
        pytest.param([deployed(LAST_MS), failed(AFTER_MS)], {(): 0.0}, id="failed at the first instant after it"),
        pytest.param([failed(FIRST_MS), failed(LAST_MS)], {(): 1.0}, id="all failed"),
    ],
)
def test_the_rate_is_of_the_deployments_of_the_window(facts: list[Facts], expected: Values) -> None:
    assert values("dora_change_failure_rate", *facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {(): 0}, id="no deployment"),
        pytest.param([deployed(FIRST_MS)], {(): 0}, id="none that failed"),
        pytest.param(
            [failed(BEFORE_MS), deployed(FIRST_MS)], {(): 0}, id="failed at the last instant before the window"
        ),
        pytest.param([failed(FIRST_MS), deployed(LAST_MS)], {(): 1}, id="failed at the first instant"),
        pytest.param([deployed(FIRST_MS), failed(LAST_MS)], {(): 1}, id="failed at the last instant"),
        pytest.param([deployed(LAST_MS), failed(AFTER_MS)], {(): 0}, id="failed at the first instant after it"),
        pytest.param([failed(FIRST_MS), failed(LAST_MS)], {(): 2}, id="all failed"),
    ],
)
def test_a_window_counts_the_failed_deployments_that_finished_in_it(facts: list[Facts], expected: Values) -> None:
    assert values("dora_failed_deployments", *facts) == expected


NONE = {(cause,): 0 for cause in ("verdict", "rollback", "revert", "rule", "incident")}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], NONE, id="no deployment"),
        pytest.param([failed(FIRST_MS, cause) for (cause,) in NONE], dict.fromkeys(NONE, 1), id="one of each"),
        pytest.param(
            [failed(FIRST_MS), failed(LAST_MS), failed(BEFORE_MS, "rule")],
            {**NONE, ("rollback",): 2},
            id="two of one cause, another outside",
        ),
    ],
)
def test_every_cause_has_a_count_and_the_counts_add_up_to_the_failed(facts: list[Facts], expected: Values) -> None:
    assert values("dora_change_failures", *facts) == expected
