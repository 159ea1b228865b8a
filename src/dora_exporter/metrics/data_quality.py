"""Data quality: what tells perfect from broken."""

from collections.abc import Iterator

from dora_exporter.history import History
from dora_exporter.metrics.metric import StateMetric, Value, WindowMetric
from dora_exporter.tracks import Window


def unidentified(history: History, window: Window) -> Iterator[Value]:
    """Deployments of the window that cannot be judged for rollbacks."""
    yield (), history.unidentified.count(window)


def last_event(history: History) -> Iterator[Value]:
    """The latest moment of each source, in seconds since the epoch."""
    for source, times in sorted(history.sources.items()):
        if times.last is not None:
            yield (source,), times.last / 1000


METRICS = (
    WindowMetric(
        "dora_unidentified_deployments",
        "Deployments that finished in the window with neither version nor commit SHA: they cannot be judged for "
        "rollbacks.",
        unidentified,
    ),
    StateMetric(
        "dora_last_event_timestamp_seconds",
        "The latest end of a deployment, or beginning or end of an incident, by source, in seconds since the epoch.",
        last_event,
        labels=("source",),
        is_per_team=False,
    ),
)
