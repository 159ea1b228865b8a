"""Incidents by severity, where severities are configured: how many began, and how long they lasted."""

from collections.abc import Iterator

from dora_exporter.dora.measures import IncidentFacts, Measures
from dora_exporter.dora.metrics.contract import Basis, Moment, Sum, Value, WindowMetric
from dora_exporter.dora.sliding_window import Window


def begun(measures: Measures, window: Window) -> Iterator[Value]:
    """Incidents that began in the window; nothing for a severity that no incident has that is kept."""
    for severity, times in sorted(measures.severities.items()):
        if len(times):
            yield (severity,), times.count(window)


def time_to_restore(measures: Measures, window: Window) -> Iterator[Value]:
    """Statistics over the incidents of each severity that were resolved in the window."""
    for severity, samples in sorted(measures.restores_by_severity.items()):
        for statistic, seconds in samples.statistics(window):
            yield (severity, statistic), seconds


def _severity(facts: IncidentFacts) -> Iterator[str]:
    if facts.severity:
        yield f"severity_{facts.severity}"


METRICS = (
    WindowMetric(
        "dora_incidents_by_severity",
        "Incidents that began in the window, by severity: 1 is the worst, none is not known. Absent for a severity that"
        " no incident has.",
        begun,
        Basis(Moment.BEGAN, (Sum[IncidentFacts]("incidents", lambda _: 1, _severity),)),
        labels=("severity",),
    ),
    WindowMetric(
        "dora_time_to_restore_by_severity_seconds",
        "Time from the beginning to the end of the incidents of a severity that were resolved in the window. Absent"
        " without one.",
        time_to_restore,
        Basis(
            Moment.RESTORED,
            (Sum[IncidentFacts]("restored", lambda facts: facts.restored_at is not None, _severity),),
            "Over {restored:,} resolved incidents.",
        ),
        labels=("severity", "statistic"),
    ),
)
