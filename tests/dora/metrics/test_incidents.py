"""An incident counts in the window in which it began; whether it is open has no window."""

import pytest
from tests.dora.metrics.reading import AFTER_MS, BEFORE_MS, FIRST_MS, LAST_MS, Facts, Values, began, values


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {(): 0}, id="no incident"),
        pytest.param([began(BEFORE_MS)], {(): 0}, id="last instant before the window"),
        pytest.param([began(FIRST_MS)], {(): 1}, id="first instant"),
        pytest.param([began(LAST_MS)], {(): 1}, id="last instant"),
        pytest.param([began(AFTER_MS)], {(): 0}, id="first instant after it"),
        pytest.param(
            [began(FIRST_MS, attributed=False), began(LAST_MS - 1, restored_at=LAST_MS)],
            {(): 2},
            id="attributed or not, open or not",
        ),
    ],
)
def test_a_window_counts_the_incidents_that_began_in_it(facts: list[Facts], expected: Values) -> None:
    assert values("dora_incidents", *facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {(): 0}, id="no incident"),
        pytest.param([began(FIRST_MS)], {(): 0}, id="attributed"),
        pytest.param([began(BEFORE_MS, attributed=False)], {(): 0}, id="last instant before the window"),
        pytest.param([began(FIRST_MS, attributed=False)], {(): 1}, id="first instant"),
        pytest.param([began(LAST_MS, attributed=False)], {(): 1}, id="last instant"),
        pytest.param([began(AFTER_MS, attributed=False)], {(): 0}, id="first instant after it"),
    ],
)
def test_a_window_counts_the_unattributed_that_began_in_it(facts: list[Facts], expected: Values) -> None:
    assert values("dora_unattributed_incidents", *facts) == expected


CASES: list[tuple[list[Facts], float, Values]] = [
    ([], 0, {}),
    ([began(FIRST_MS, restored_at=LAST_MS)], 0, {}),
    ([began(BEFORE_MS)], 1, {(): BEFORE_MS / 1000}),
    ([began(LAST_MS), began(FIRST_MS), began(BEFORE_MS, restored_at=LAST_MS)], 2, {(): FIRST_MS / 1000}),
]


@pytest.mark.parametrize(("facts", "count", "oldest"), CASES)
def test_open_incidents_have_a_count_and_the_oldest_of_them_a_moment(
    facts: list[Facts], count: float, oldest: Values
) -> None:
    assert values("dora_open_incidents", *facts) == {(): count}
    assert values("dora_oldest_open_incident_timestamp_seconds", *facts) == oldest
