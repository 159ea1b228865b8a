"""Change failure rate: the share of deployments that failed."""

from dora_exporter.dora.measures import DeploymentFacts, Measures
from dora_exporter.dora.metrics.contract import DEPLOYMENTS, Basis, Moment, Sum, WindowMetric
from dora_exporter.dora.metrics.readings import number, numbers, share, within

rate = share(Measures.failures, within(lambda of: of.deployments))
"""Failed deployments divided by all."""
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
        number(Measures.failures),
        _BASIS,
    ),
    WindowMetric(
        "dora_change_failures",
        "Failed deployments in the window, by cause.",
        numbers(lambda of: of.causes),
        _BASIS,
        labels=("cause",),
    ),
)
