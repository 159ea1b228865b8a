"""Deployment frequency: how often the series is deployed. Rollbacks and redeployments are deployments."""

from dora_exporter.dora.metrics.contract import DEPLOYMENTS, Basis, Moment, StateMetric, WindowMetric
from dora_exporter.dora.metrics.readings import moment, number, per_day, within

_DEPLOYMENTS = within(lambda of: of.deployments)
frequency = per_day(_DEPLOYMENTS)
"""Deployments finished in the window per day."""
_BASIS = Basis(Moment.FINISHED, (DEPLOYMENTS,), "{deployments:,} deployments in {days:g} days.")
METRICS = (
    WindowMetric(
        "dora_deployment_frequency_per_day",
        "Deployments that finished in the window, per day of the window.",
        frequency,
        _BASIS,
    ),
    WindowMetric("dora_deployments", "Deployments that finished in the window.", number(_DEPLOYMENTS), _BASIS),
    StateMetric(
        "dora_last_deployment_timestamp_seconds",
        "When the latest deployment finished, in seconds since the epoch.",
        moment(lambda of: of.deployments.last),
    ),
)
