"""Time to restore: how long resolved incidents lasted."""

from collections.abc import Iterator

from dora_exporter.dora.measures import IncidentFacts, Measures
from dora_exporter.dora.metrics.contract import Basis, Moment, Sum, Value, WindowMetric
from dora_exporter.dora.sliding_window import Window


def time_to_restore(measures: Measures, window: Window) -> Iterator[Value]:
    """Statistics over the incidents resolved in the window; absent without one."""
    for statistic, seconds in measures.restores.statistics(window):
        yield (statistic,), seconds


def restored(measures: Measures, window: Window) -> Iterator[Value]:
    """The number of incidents behind those statistics."""
    yield (), measures.restores.count(window)


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
    WindowMetric("dora_restored_incidents", "Incidents that were resolved in the window.", restored, _BASIS),
)
