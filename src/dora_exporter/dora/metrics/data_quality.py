"""Data quality: gauges that tell a perfect series from one without data."""

from collections.abc import Iterator

from dora_exporter.dora.measures import DeploymentFacts, Measures
from dora_exporter.dora.metrics.contract import DEPLOYMENTS, Basis, Moment, StateMetric, Sum, Value, WindowMetric
from dora_exporter.dora.sliding_window import Window


def unidentified(measures: Measures, window: Window) -> Iterator[Value]:
    """Deployments of the window for which rollbacks cannot be detected."""
    yield (), measures.unidentified.count(window)


def first_event(measures: Measures) -> Iterator[Value]:
    """The earliest event in seconds since the epoch; absent without one."""
    held = (measures.deployments, *measures.attempts.values(), measures.incidents)
    moments = [times.first for times in held if times.first is not None]
    if moments:
        yield (), min(moments) / 1000


def last_event(measures: Measures) -> Iterator[Value]:
    """The latest event of each source in seconds since the epoch."""
    for source, times in sorted(measures.sources.items()):
        if times.last is not None:
            yield (source,), times.last / 1000


_UNIDENTIFIED = Sum[DeploymentFacts]("unidentified", lambda facts: not facts.identified)
METRICS = (
    WindowMetric(
        "dora_unidentified_deployments",
        "Deployments that finished in the window with neither version nor commit SHA: rollbacks to or from "
        "them are not detected.",
        unidentified,
        Basis(Moment.FINISHED, (DEPLOYMENTS, _UNIDENTIFIED)),
    ),
    StateMetric(
        "dora_first_event_timestamp_seconds",
        "The earliest end of a deployment, or start of an incident, in seconds since the epoch: a window that "
        "begins before it is longer than the events go back.",
        first_event,
    ),
    StateMetric(
        "dora_last_event_timestamp_seconds",
        "The latest end of a deployment, or beginning or end of an incident, by source, in seconds since the epoch.",
        last_event,
        labels=("source",),
        is_per_team=False,
    ),
)
