"""Attempts to deploy by outcome: those that did not succeed count here, and in no other metric of deployments."""

from collections.abc import Iterator

from dora_exporter.dora.events import SUCCEEDED
from dora_exporter.dora.measures import DeploymentFacts
from dora_exporter.dora.metrics.contract import Basis, Moment, Sum, WindowMetric
from dora_exporter.dora.metrics.readings import numbers


def _outcome(facts: DeploymentFacts) -> Iterator[str]:
    yield facts.outcome or SUCCEEDED


_ATTEMPTS = Sum[DeploymentFacts]("attempts", lambda _: 1, _outcome)
METRICS = (
    WindowMetric(
        "dora_deployment_attempts",
        "Attempts to deploy that ended in the window, by outcome: succeeded, failed or canceled.",
        numbers(lambda of: of.outcomes),
        Basis(Moment.ENDED, (_ATTEMPTS,), "{attempts:,} attempts to deploy in {days:g} days."),
        labels=("outcome",),
    ),
)
