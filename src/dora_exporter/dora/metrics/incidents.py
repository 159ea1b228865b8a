"""Incidents: those that began, those without an attribution, and those that are open."""

from dora_exporter.dora.measures import IncidentFacts
from dora_exporter.dora.metrics.contract import INCIDENTS, Basis, Moment, StateMetric, Sum, WindowMetric
from dora_exporter.dora.metrics.readings import moment, number, size, within

_UNATTRIBUTED = Sum[IncidentFacts]("unattributed", lambda facts: not facts.attributed)
METRICS = (
    WindowMetric(
        "dora_incidents",
        "Incidents that began in the window.",
        number(within(lambda of: of.incidents)),
        Basis(Moment.BEGAN, (INCIDENTS,)),
    ),
    WindowMetric(
        "dora_unattributed_incidents",
        "Incidents that began in the window and are attributed to no deployment.",
        number(within(lambda of: of.unattributed)),
        Basis(Moment.BEGAN, (INCIDENTS, _UNATTRIBUTED)),
    ),
    StateMetric("dora_open_incidents", "Incidents that have begun and not ended.", size(lambda of: of.open_incidents)),
    StateMetric(
        "dora_oldest_open_incident_timestamp_seconds",
        "When the oldest open incident began, in seconds since the epoch. Absent without an open incident.",
        moment(lambda of: of.open_incidents.first),
    ),
)
