"""The table of metrics. Each exists per series, and most as ``dora_team_...`` per team and environment."""

from dora_exporter.dora.metrics import (
    attempts,
    change_failure_rate,
    change_lead_time,
    data_quality,
    deployment_frequency,
    failed_deployment_recovery,
    incidents,
    rework,
    severities,
    time_to_restore,
)
from dora_exporter.dora.metrics.contract import Metric

ALL: tuple[Metric, ...] = (
    *deployment_frequency.METRICS,
    *attempts.METRICS,
    *change_lead_time.METRICS,
    *change_failure_rate.METRICS,
    *failed_deployment_recovery.METRICS,
    *rework.METRICS,
    *time_to_restore.METRICS,
    *incidents.METRICS,
    *data_quality.METRICS,
)
OF_DIMENSIONS = frozenset(
    {
        "dora_deployment_frequency_per_day",
        "dora_deployments",
        "dora_change_lead_time_seconds",
        "dora_lead_time_commits",
        "dora_change_failure_rate",
        "dora_failed_deployments",
        "dora_time_to_restore_seconds",
        "dora_restored_incidents",
        "dora_incidents",
    }
)
"""The four metrics and their counts, which exist per value of a dimension, too."""
BY_SEVERITY: tuple[Metric, ...] = severities.METRICS
"""Those that exist besides where severities are configured."""
