"""Incidents: those that began, those without an attribution, and those that are open."""

from collections.abc import Iterator

from dora_exporter.dora.measures import IncidentFacts, Measures
from dora_exporter.dora.metrics.contract import INCIDENTS, Basis, Moment, StateMetric, Sum, Value, WindowMetric
from dora_exporter.dora.sliding_window import Window


def begun(measures: Measures, window: Window) -> Iterator[Value]:
    """Incidents that began in the window."""
    yield (), measures.incidents.count(window)


def unattributed(measures: Measures, window: Window) -> Iterator[Value]:
    """Incidents that began in the window and are attributed to no deployment."""
    yield (), measures.unattributed.count(window)


def still_open(measures: Measures) -> Iterator[Value]:
    """Incidents that are open now."""
    yield (), len(measures.open_incidents)


def oldest_open(measures: Measures) -> Iterator[Value]:
    """When the oldest open incident began, in seconds since the epoch; absent without one."""
    if measures.open_incidents.first is not None:
        yield (), measures.open_incidents.first / 1000


_UNATTRIBUTED = Sum[IncidentFacts]("unattributed", lambda facts: not facts.attributed)
METRICS = (
    WindowMetric("dora_incidents", "Incidents that began in the window.", begun, Basis(Moment.BEGAN, (INCIDENTS,))),
    WindowMetric(
        "dora_unattributed_incidents",
        "Incidents that began in the window and are attributed to no deployment.",
        unattributed,
        Basis(Moment.BEGAN, (INCIDENTS, _UNATTRIBUTED)),
    ),
    StateMetric("dora_open_incidents", "Incidents that have begun and not ended.", still_open),
    StateMetric(
        "dora_oldest_open_incident_timestamp_seconds",
        "When the oldest open incident began, in seconds since the epoch. Absent without an open incident.",
        oldest_open,
    ),
)
