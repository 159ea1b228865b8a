"""Failed deployment recovery time: from the end of a failed deployment, or its first incident, to its remedy."""

from dora_exporter.dora.measures import DeploymentFacts
from dora_exporter.dora.metrics.contract import Basis, Moment, Sum, WindowMetric
from dora_exporter.dora.metrics.readings import number, statistics, within

recovery_time = statistics(lambda of: of.recoveries)
"""Statistics over the failed deployments that were remedied in the window."""
_BASIS = Basis(
    Moment.RECOVERED,
    (Sum[DeploymentFacts]("recovered", lambda facts: facts.recovery is not None),),
    "Over {recovered:,} failed deployments that recovered.",
)
METRICS = (
    WindowMetric(
        "dora_failed_deployment_recovery_time_seconds",
        "Time from the end of a failed deployment, or from the beginning of its first incident where only incidents "
        "say that it failed, to the end of the deployment that remedied it, or until all its incidents were resolved, "
        "whichever came first, over those that recovered in the window. Absent without one.",
        recovery_time,
        _BASIS,
        labels=("statistic",),
    ),
    WindowMetric(
        "dora_recovered_deployments",
        "Failed deployments that recovered in the window, by a later deployment or by the end of their last incident: "
        "the samples of the recovery time.",
        number(within(lambda of: of.recoveries)),
        _BASIS,
    ),
)
