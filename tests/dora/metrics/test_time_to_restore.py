"""An incident has a time to restore in the window in which it was resolved."""

import pytest
from tests.dora.metrics.reading import AFTER_MS, BEFORE_MS, FIRST_MS, LAST_MS, Facts, Values, began, values


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {(): 0}, id="no incident"),
        pytest.param([began(FIRST_MS)], {(): 0}, id="open"),
        pytest.param(
            [began(BEFORE_MS - 1000, restored_at=BEFORE_MS)],
            {(): 0},
            id="resolved at the last instant before the window",
        ),
        pytest.param(
            [began(BEFORE_MS - 1000, restored_at=FIRST_MS)], {(): 1}, id="resolved at the first instant, begun before"
        ),
        pytest.param([began(FIRST_MS, restored_at=LAST_MS)], {(): 1}, id="resolved at the last instant"),
        pytest.param([began(FIRST_MS, restored_at=AFTER_MS)], {(): 0}, id="resolved after the window"),
    ],
)
def test_a_window_counts_the_incidents_that_were_resolved_in_it(facts: list[Facts], expected: Values) -> None:
    assert values("dora_restored_incidents", *facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {}, id="no incident"),
        pytest.param([began(FIRST_MS)], {}, id="open"),
        pytest.param(
            [began(FIRST_MS, restored_at=FIRST_MS + 250)],
            {("mean",): 0.25, ("median",): 0.25, ("p90",): 0.25},
            id="one",
        ),
        pytest.param(
            [
                began(FIRST_MS - 1000, restored_at=FIRST_MS),
                began(LAST_MS - 3000, restored_at=LAST_MS),
                began(BEFORE_MS - 9000, restored_at=BEFORE_MS),
            ],
            {("mean",): 2.0, ("median",): 2.0, ("p90",): 2.8},
            id="two at the edges and one outside",
        ),
    ],
)
def test_the_time_to_restore_has_statistics_over_the_incidents_resolved_in_the_window(
    facts: list[Facts], expected: Values
) -> None:
    assert values("dora_time_to_restore_seconds", *facts) == expected
