"""Change failure rate: the share of deployments that failed."""

from collections.abc import Iterator

from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.contract import Value, WindowMetric
from dora_exporter.dora.sliding_window import Window


def rate(measures: Measures, window: Window) -> Iterator[Value]:
    """Failed deployments of the window divided by all of the window, 0 to 1; absent without a deployment."""
    total = measures.deployments.count(window)
    if total:
        yield (), measures.failures(window) / total


def failed(measures: Measures, window: Window) -> Iterator[Value]:
    """Those deployments of the window that failed, whenever that came out."""
    yield (), measures.failures(window)


def by_cause(measures: Measures, window: Window) -> Iterator[Value]:
    """The failed deployments by how it is known; each has one cause."""
    for cause, times in measures.causes.items():
        yield (cause,), times.count(window)


METRICS = (
    WindowMetric(
        "dora_change_failure_rate",
        "Share of the deployments finished in the window that failed, 0 to 1. Absent without a deployment.",
        rate,
    ),
    WindowMetric(
        "dora_failed_deployments",
        "Failed deployments that finished in the window.",
        failed,
    ),
    WindowMetric(
        "dora_change_failures",
        "Failed deployments in the window, by cause.",
        by_cause,
        labels=("cause",),
    ),
)
