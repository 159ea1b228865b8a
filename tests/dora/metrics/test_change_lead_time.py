"""A lead time counts in the window in which the deployment finished that shipped the commit first."""

import pytest
from tests.dora.metrics.reading import AFTER_MS, BEFORE_MS, FIRST_MS, LAST_MS, Facts, Values, deployed, values

from dora_exporter.dora.measures import DeploymentFacts


def shipped(at_ms: int, *lead_times_ms: int, stages: tuple[tuple[str, int], ...] = ()) -> DeploymentFacts:
    """A deployment that finished at a moment, and shipped commits first."""
    return DeploymentFacts(at_ms, "api", lead_times=lead_times_ms, stages=stages)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {(): 0}, id="no deployment"),
        pytest.param([deployed(FIRST_MS)], {(): 0}, id="no commit"),
        pytest.param([shipped(BEFORE_MS, 1)], {(): 0}, id="last instant before the window"),
        pytest.param([shipped(FIRST_MS, 1, 2)], {(): 2}, id="first instant"),
        pytest.param([shipped(LAST_MS, 1)], {(): 1}, id="last instant"),
        pytest.param([shipped(AFTER_MS, 1)], {(): 0}, id="first instant after it"),
    ],
)
def test_a_window_counts_the_commits_whose_first_deployment_finished_in_it(
    facts: list[Facts], expected: Values
) -> None:
    assert values("dora_lead_time_commits", *facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {}, id="no deployment"),
        pytest.param([deployed(FIRST_MS)], {}, id="no commit"),
        pytest.param(
            [shipped(FIRST_MS, 0)], {("mean",): 0.0, ("median",): 0.0, ("p90",): 0.0}, id="commit of the same instant"
        ),
        pytest.param(
            [shipped(FIRST_MS, 1000), shipped(LAST_MS, 3000), shipped(BEFORE_MS, 9000), shipped(AFTER_MS, 9000)],
            {("mean",): 2.0, ("median",): 2.0, ("p90",): 2.8},
            id="at the edges and outside",
        ),
        pytest.param(
            [shipped(FIRST_MS, 1000, 8000, 3000)],
            {("mean",): 4.0, ("median",): 3.0, ("p90",): 7.0},
            id="an odd number has its middle as median",
        ),
    ],
)
def test_the_lead_time_has_statistics_over_those_commits(facts: list[Facts], expected: Values) -> None:
    assert values("dora_change_lead_time_seconds", *facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], {}, id="no deployment"),
        pytest.param([shipped(FIRST_MS, 1000)], {}, id="a commit of which no stage is known"),
        pytest.param([shipped(BEFORE_MS, 1000, stages=(("review", 500),))], {}, id="outside"),
        pytest.param(
            [shipped(FIRST_MS, 1000, stages=(("review", 500),)), shipped(LAST_MS, 1000, stages=(("review", 1500),))],
            {("review", "mean"): 1.0, ("review", "median"): 1.0, ("review", "p90"): 1.4},
            id="one stage of two commits",
        ),
    ],
)
def test_a_stage_has_statistics_where_it_has_data(facts: list[Facts], expected: Values) -> None:
    assert values("dora_lead_time_stage_seconds", *facts) == expected
