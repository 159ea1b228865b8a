"""A metric names the events that explain it, their sums and a sentence, so that nothing else has to know it."""

import pytest

from dora_exporter.dora import metrics
from dora_exporter.dora.events import DAY_MS
from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts
from dora_exporter.dora.metrics.contract import DEPLOYMENTS, Basis, Moment, Sum, WindowMetric
from dora_exporter.dora.metrics.performance_level import performance_level
from dora_exporter.dora.sliding_window import Window

WINDOW = Window("7d", 7 * DAY_MS, 100 * DAY_MS)
EXPLAINED = {each.name: each.basis for each in metrics.ALL if isinstance(each, WindowMetric)}
ROLLED_BACK = DeploymentFacts(1, "api", cause="rollback")
FAILED = Sum[DeploymentFacts]("failed", lambda facts: bool(facts.cause), lambda facts: filter(None, [facts.cause]))


def test_a_sum_has_a_name_for_itself_and_for_each_part() -> None:
    found = FAILED.over([ROLLED_BACK, DeploymentFacts(2, "api"), ROLLED_BACK, DeploymentFacts(3, "api", cause="rule")])

    assert dict(found) == {"failed": 3, "failed_rollback": 2, "failed_rule": 1}


def test_a_sum_without_events_is_0_and_has_no_parts() -> None:
    assert dict(FAILED.over([])) == {"failed": 0}


def test_a_sentence_knows_the_sums_and_the_days_of_the_window() -> None:
    basis = Basis(Moment.FINISHED, (DEPLOYMENTS,), "{deployments:,} in {days:g} days.")

    assert basis.in_words({"deployments": 1234}, WINDOW) == "1,234 in 7 days."


@pytest.mark.parametrize("name", sorted(EXPLAINED))
def test_every_metric_with_a_window_is_worded_by_sums_of_its_own_events(name: str) -> None:
    basis = EXPLAINED[name]
    events = [ROLLED_BACK] if basis.moment.is_of_deployments else [IncidentFacts(1, "api", None, attributed=True)]
    numbers = {key: number for each in basis.sums for key, number in each.over(events)}

    assert numbers
    assert "{" not in basis.in_words(numbers, WINDOW)


def test_a_level_is_not_explained_because_it_judges_other_metrics() -> None:
    assert performance_level("2024").basis == Basis()
