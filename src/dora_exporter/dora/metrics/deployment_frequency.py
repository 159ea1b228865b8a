"""Deployment frequency: how often the series is deployed. Rollbacks and redeployments are deployments."""

from collections.abc import Iterator

from dora_exporter.dora.measures import History
from dora_exporter.dora.metrics.contract import StateMetric, Value, WindowMetric
from dora_exporter.dora.sliding_window import Window


def frequency(history: History, window: Window) -> Iterator[Value]:
    """Deployments finished in the window divided by its length in days."""
    yield (), history.deployments.count(window) / window.days


def deployments(history: History, window: Window) -> Iterator[Value]:
    """Deployments finished in the window."""
    yield (), history.deployments.count(window)


def last_deployment(history: History) -> Iterator[Value]:
    """The latest finish in seconds since the epoch; absent before the first."""
    if history.deployments.last is not None:
        yield (), history.deployments.last / 1000


METRICS = (
    WindowMetric(
        "dora_deployment_frequency_per_day",
        "Deployments that finished in the window, per day of the window.",
        frequency,
    ),
    WindowMetric("dora_deployments", "Deployments that finished in the window.", deployments),
    StateMetric(
        "dora_last_deployment_timestamp_seconds",
        "When the latest deployment finished, in seconds since the epoch.",
        last_deployment,
    ),
)
