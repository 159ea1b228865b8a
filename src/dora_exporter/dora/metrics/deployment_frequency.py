"""Deployment frequency: how often the series is deployed. Rollbacks and redeployments are deployments."""

from collections.abc import Iterator

from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.contract import DEPLOYMENTS, Basis, Moment, StateMetric, Value, WindowMetric
from dora_exporter.dora.sliding_window import Window


def frequency(measures: Measures, window: Window) -> Iterator[Value]:
    """Deployments finished in the window divided by its length in days."""
    yield (), measures.deployments.count(window) / window.days


def deployments(measures: Measures, window: Window) -> Iterator[Value]:
    """Deployments finished in the window."""
    yield (), measures.deployments.count(window)


def last_deployment(measures: Measures) -> Iterator[Value]:
    """The latest finish in seconds since the epoch; absent before the first."""
    if measures.deployments.last is not None:
        yield (), measures.deployments.last / 1000


_BASIS = Basis(Moment.FINISHED, (DEPLOYMENTS,), "{deployments:,} deployments in {days:g} days.")
METRICS = (
    WindowMetric(
        "dora_deployment_frequency_per_day",
        "Deployments that finished in the window, per day of the window.",
        frequency,
        _BASIS,
    ),
    WindowMetric("dora_deployments", "Deployments that finished in the window.", deployments, _BASIS),
    StateMetric(
        "dora_last_deployment_timestamp_seconds",
        "When the latest deployment finished, in seconds since the epoch.",
        last_deployment,
    ),
)
