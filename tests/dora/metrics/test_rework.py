"""Rework is a part of the deployments of the window, and its rate absent without one."""

import pytest
from tests.dora.metrics.reading import AFTER_MS, BEFORE_MS, FIRST_MS, LAST_MS, Facts, Values, deployed, failed, values

from dora_exporter.dora.measures import DeploymentFacts


def reworked(at_ms: int) -> DeploymentFacts:
    """A deployment that remedied a failure."""
    return DeploymentFacts(at_ms, "api", rework=True)


CASES: list[tuple[list[Facts], Values, float]] = [
    ([], {}, 0),
    ([deployed(FIRST_MS)], {(): 0.0}, 0),
    ([reworked(BEFORE_MS), deployed(FIRST_MS)], {(): 0.0}, 0),
    ([reworked(FIRST_MS), deployed(LAST_MS)], {(): 0.5}, 1),
    ([deployed(FIRST_MS), reworked(LAST_MS)], {(): 0.5}, 1),
    ([deployed(LAST_MS), reworked(AFTER_MS)], {(): 0.0}, 0),
    ([reworked(FIRST_MS), reworked(LAST_MS)], {(): 1.0}, 2),
    ([failed(FIRST_MS)], {(): 0.0}, 0),
]


@pytest.mark.parametrize(("facts", "rate", "count"), CASES)
def test_a_window_counts_the_rework_that_finished_in_it(facts: list[Facts], rate: Values, count: float) -> None:
    assert values("dora_deployment_rework_rate", *facts) == rate
    assert values("dora_rework_deployments", *facts) == {(): count}
