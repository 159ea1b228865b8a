"""Attempts count by outcome in the window in which they ended, and as nothing else."""

import pytest
from tests.dora.metrics.reading import AFTER_MS, BEFORE_MS, FIRST_MS, LAST_MS, Facts, Values, deployed, values

from dora_exporter.dora.measures import DeploymentFacts


def tried(at_ms: int, outcome: str = "failed") -> DeploymentFacts:
    """An attempt that did not succeed."""
    return DeploymentFacts(at_ms, "api", outcome=outcome)


def counts(succeeded: int = 0, failed: int = 0, canceled: int = 0) -> Values:
    """The samples of all outcomes."""
    return {("succeeded",): succeeded, ("failed",): failed, ("canceled",): canceled}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], counts(), id="no attempt"),
        pytest.param([tried(BEFORE_MS)], counts(), id="last instant before the window"),
        pytest.param([tried(FIRST_MS)], counts(failed=1), id="first instant"),
        pytest.param([tried(LAST_MS)], counts(failed=1), id="last instant"),
        pytest.param([tried(AFTER_MS)], counts(), id="first instant after it"),
        pytest.param(
            [deployed(FIRST_MS), tried(LAST_MS), tried(LAST_MS, "canceled")], counts(1, 1, 1), id="one of each outcome"
        ),
    ],
)
def test_a_window_counts_attempts_by_outcome(facts: list[Facts], expected: Values) -> None:
    assert values("dora_deployment_attempts", *facts) == expected


@pytest.mark.parametrize("outcome", ["failed", "canceled"])
def test_an_attempt_that_did_not_succeed_is_no_deployment(outcome: str) -> None:
    facts = [deployed(FIRST_MS), tried(LAST_MS, outcome)]
    assert values("dora_deployments", *facts) == {(): 1}
    assert values("dora_last_deployment_timestamp_seconds", *facts) == {(): FIRST_MS / 1000}
    assert values("dora_unidentified_deployments", tried(LAST_MS, outcome)) == {(): 0}
    assert values("dora_change_failure_rate", tried(LAST_MS, outcome)) == {}
    assert values("dora_first_event_timestamp_seconds", tried(LAST_MS, outcome)) == {(): LAST_MS / 1000}
