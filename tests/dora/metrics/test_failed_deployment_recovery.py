"""A recovery counts in the window in which the failed deployment recovered, whenever it was deployed."""

import pytest
from tests.dora.metrics.reading import AFTER_MS, BEFORE_MS, FIRST_MS, LAST_MS, Facts, Values, failed, values


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {(): 0}, id="no deployment"),
        pytest.param([failed(FIRST_MS)], {(): 0}, id="not recovered"),
        pytest.param(
            [failed(BEFORE_MS, recovery=(BEFORE_MS, 0))], {(): 0}, id="recovered at the last instant before the window"
        ),
        pytest.param(
            [failed(BEFORE_MS, recovery=(FIRST_MS, 1))], {(): 1}, id="recovered at the first instant, deployed before"
        ),
        pytest.param([failed(FIRST_MS, recovery=(LAST_MS, 1000))], {(): 1}, id="recovered at the last instant"),
        pytest.param([failed(LAST_MS, recovery=(AFTER_MS, 1))], {(): 0}, id="recovers after the window"),
    ],
)
def test_a_window_counts_the_recoveries_in_it(facts: list[Facts], expected: Values) -> None:
    assert values("dora_recovered_deployments", *facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {}, id="no deployment"),
        pytest.param([failed(FIRST_MS)], {}, id="not recovered"),
        pytest.param(
            [failed(FIRST_MS, recovery=(FIRST_MS, 1500))], {("mean",): 1.5, ("median",): 1.5, ("p90",): 1.5}, id="one"
        ),
        pytest.param(
            [
                failed(BEFORE_MS, recovery=(FIRST_MS, 1000)),
                failed(FIRST_MS, recovery=(LAST_MS, 3000)),
                failed(BEFORE_MS, recovery=(BEFORE_MS, 9000)),
            ],
            {("mean",): 2.0, ("median",): 2.0, ("p90",): 2.8},
            id="two at the edges and one outside",
        ),
    ],
)
def test_the_recovery_time_has_statistics_over_the_recoveries_of_the_window(
    facts: list[Facts], expected: Values
) -> None:
    assert values("dora_failed_deployment_recovery_time_seconds", *facts) == expected
