"""Deployment rework rate: the share of deployments that were made because of a failure."""

from dora_exporter.dora.measures import DeploymentFacts
from dora_exporter.dora.metrics.contract import DEPLOYMENTS, Basis, Moment, Sum, WindowMetric
from dora_exporter.dora.metrics.readings import number, share, within

_REWORKS = within(lambda of: of.reworks)
_REWORK = Sum[DeploymentFacts]("rework", lambda facts: facts.rework)
_BASIS = Basis(Moment.FINISHED, (DEPLOYMENTS, _REWORK), "{rework:,} of {deployments:,} deployments were rework.")
METRICS = (
    WindowMetric(
        "dora_deployment_rework_rate",
        "Share of the deployments that finished in the window and remedied a failed one, or were the first to finish "
        "after an incident of an earlier one began, 0 to 1. Absent without a deployment.",
        share(_REWORKS, within(lambda of: of.deployments)),
        _BASIS,
    ),
    WindowMetric(
        "dora_rework_deployments",
        "Deployments that finished in the window and remedied a failed one, or were the first to finish after an "
        "incident of an earlier one began.",
        number(_REWORKS),
        _BASIS,
    ),
)
