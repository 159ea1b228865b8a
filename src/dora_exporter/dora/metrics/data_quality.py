"""Data quality: gauges that tell a perfect series from one without data."""

from dora_exporter.dora.measures import DeploymentFacts
from dora_exporter.dora.metrics.contract import DEPLOYMENTS, Basis, Moment, StateMetric, Sum, WindowMetric
from dora_exporter.dora.metrics.readings import latest_moments, moment, number, within

_UNIDENTIFIED = Sum[DeploymentFacts]("unidentified", lambda facts: not facts.identified)
METRICS = (
    WindowMetric(
        "dora_unidentified_deployments",
        "Deployments that finished in the window with neither version nor commit SHA: rollbacks to or from "
        "them are not detected.",
        number(within(lambda of: of.unidentified)),
        Basis(Moment.FINISHED, (DEPLOYMENTS, _UNIDENTIFIED)),
    ),
    StateMetric(
        "dora_first_event_timestamp_seconds",
        "The earliest end of a deployment, or start of an incident, in seconds since the epoch: events "
        "cover only a part of a window that begins before it.",
        moment(lambda of: of.first_event),
    ),
    StateMetric(
        "dora_last_event_timestamp_seconds",
        "The latest end of a deployment, or beginning or end of an incident, by source, in seconds since the epoch.",
        latest_moments(lambda of: of.sources),
        labels=("source",),
        is_per_team=False,
    ),
)
