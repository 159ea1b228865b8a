"""Time to restore: how long resolved incidents lasted."""

from dora_exporter.dora.measures import IncidentFacts
from dora_exporter.dora.metrics.contract import Basis, Moment, Sum, WindowMetric
from dora_exporter.dora.metrics.readings import number, statistics, within

time_to_restore = statistics(lambda of: of.restores)
"""Statistics over the incidents that were resolved in the window."""
_BASIS = Basis(
    Moment.RESTORED,
    (Sum[IncidentFacts]("restored", lambda facts: facts.restored_at is not None),),
    "Over {restored:,} resolved incidents.",
)
METRICS = (
    WindowMetric(
        "dora_time_to_restore_seconds",
        "Time from the beginning to the end of the incidents that were resolved in the window. Absent without one.",
        time_to_restore,
        _BASIS,
        labels=("statistic",),
    ),
    WindowMetric(
        "dora_restored_incidents",
        "Incidents that were resolved in the window.",
        number(within(lambda of: of.restores)),
        _BASIS,
    ),
)
