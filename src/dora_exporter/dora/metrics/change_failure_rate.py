"""Change failure rate: the share of deployments that failed."""

from collections.abc import Iterator

from dora_exporter.dora.measures import DeploymentFacts, Measures
from dora_exporter.dora.metrics.contract import DEPLOYMENTS, Basis, Moment, Sum, Value, WindowMetric
from dora_exporter.dora.sliding_window import Window


def rate(measures: Measures, window: Window) -> Iterator[Value]:
    """Failed deployments of the window divided by all of the window, 0 to 1; absent without a deployment."""
    total = measures.deployments.count(window)
    if total:
        yield (), measures.failures(window) / total


def failed(measures: Measures, window: Window) -> Iterator[Value]:
    """Deployments of the window that failed, whenever the incident or the remedy came."""
    yield (), measures.failures(window)


def by_cause(measures: Measures, window: Window) -> Iterator[Value]:
    """Failed deployments of the window by cause; each has one."""
    for cause, times in measures.causes.items():
        yield (cause,), times.count(window)


_FAILED = Sum[DeploymentFacts](
    "failed", lambda facts: facts.cause is not None, lambda facts: [facts.cause] if facts.cause else ()
)
_BASIS = Basis(Moment.FINISHED, (DEPLOYMENTS, _FAILED), "{failed:,} of {deployments:,} deployments failed.")
METRICS = (
    WindowMetric(
        "dora_change_failure_rate",
        "Share of the deployments finished in the window that failed, 0 to 1. Absent without a deployment.",
        rate,
        _BASIS,
    ),
    WindowMetric(
        "dora_failed_deployments",
        "Failed deployments that finished in the window.",
        failed,
        _BASIS,
    ),
    WindowMetric(
        "dora_change_failures",
        "Failed deployments in the window, by cause.",
        by_cause,
        _BASIS,
        labels=("cause",),
    ),
)
