"""Deployment rework rate: the share of deployments that were made because of a failure."""

from collections.abc import Iterator

from dora_exporter.dora.measures import DeploymentFacts, Measures
from dora_exporter.dora.metrics.contract import DEPLOYMENTS, Basis, Moment, Sum, Value, WindowMetric
from dora_exporter.dora.sliding_window import Window


def rework_rate(measures: Measures, window: Window) -> Iterator[Value]:
    """Rework deployments of the window divided by all of the window, 0 to 1; absent without a deployment."""
    total = measures.deployments.count(window)
    if total:
        yield (), measures.reworks.count(window) / total


def reworks(measures: Measures, window: Window) -> Iterator[Value]:
    """The number of deployments of the window that were rework."""
    yield (), measures.reworks.count(window)


_REWORK = Sum[DeploymentFacts]("rework", lambda facts: facts.rework)
_BASIS = Basis(Moment.FINISHED, (DEPLOYMENTS, _REWORK), "{rework:,} of {deployments:,} deployments were rework.")
METRICS = (
    WindowMetric(
        "dora_deployment_rework_rate",
        "Share of the deployments that finished in the window and remedied a failed one, or were the first to finish "
        "after an incident of an earlier one began, 0 to 1. Absent without a deployment.",
        rework_rate,
        _BASIS,
    ),
    WindowMetric(
        "dora_rework_deployments",
        "Deployments that finished in the window and remedied a failed one, or were the first to finish after an "
        "incident of an earlier one began.",
        reworks,
        _BASIS,
    ),
)
