"""Deployment rework rate: the share of deployments that were made because of a failure."""

from collections.abc import Iterator

from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.contract import Value, WindowMetric
from dora_exporter.dora.sliding_window import Window


def rework_rate(measures: Measures, window: Window) -> Iterator[Value]:
    """Rework deployments of the window divided by all of the window, 0 to 1; absent without a deployment."""
    total = measures.deployments.count(window)
    if total:
        yield (), measures.reworks.count(window) / total


def reworks(measures: Measures, window: Window) -> Iterator[Value]:
    """How many deployments of the window were rework."""
    yield (), measures.reworks.count(window)


METRICS = (
    WindowMetric(
        "dora_deployment_rework_rate",
        "Share of the deployments that finished in the window and remedied a failed one, or were the first to finish "
        "after an incident of an earlier one began, 0 to 1. Absent without a deployment.",
        rework_rate,
    ),
    WindowMetric(
        "dora_rework_deployments",
        "Deployments that finished in the window and remedied a failed one, or were the first to finish after an "
        "incident of an earlier one began.",
        reworks,
    ),
)
