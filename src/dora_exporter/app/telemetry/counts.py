"""Counts of events: written, refused, held; and of series: exposed, and left out."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from dora_exporter.dora.changes import WriteCounts
from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.store import EventStore
from dora_exporter.series.census import Census
from dora_exporter.series.engine import Engine
from dora_exporter.web.server.rejections import Rejection

_KINDS = {Deployment: "deployment", Incident: "incident"}


class EventCounts:
    """Writes to events since the daemon started."""

    def __init__(self, writes: WriteCounts) -> None:
        """``writes`` hears of them from after the replay on."""
        self._writes = writes

    def collect(self) -> Iterable[Metric]:
        """One sample for each kind, source and outcome that was seen."""
        family = CounterMetricFamily(
            "dora_exporter_events",
            "Writes to events since the daemon started, by outcome.",
            labels=("kind", "source", "outcome"),
        )
        counts = {(_KINDS[kind], source, did.value): count for (kind, source, did), count in self._writes.now().items()}
        for labels, count in sorted(counts.items()):
            family.add_metric(labels, count)
        yield family


class RejectionCounts:
    """Events refused since the daemon started."""

    def __init__(self) -> None:
        """Starts at zero for each reason."""
        self._counts = dict.fromkeys(Rejection, 0)

    def count(self, reason: Rejection, number: int = 1) -> None:
        """Counts events."""
        self._counts[reason] += number

    def collect(self) -> Iterable[Metric]:
        """One sample for each reason."""
        family = CounterMetricFamily(
            "dora_exporter_events_rejected",
            "Rejected requests and lines with events since the daemon started, by reason.",
            labels=("reason",),
        )
        for reason, count in self._counts.items():
            family.add_metric((reason.value,), count)
        yield family


class UnknownAttributeCounts:
    """Unknown attributes of events."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        """``counts`` maps attribute names to counts; the API keeps it, with a bounded number of names."""
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        """One sample for each unknown name."""
        family = CounterMetricFamily(
            "dora_exporter_unknown_attributes",
            "Unknown attributes of events, which are ignored, since the daemon started, by name; the hundredth and "
            "later names together as _other.",
            labels=("attribute",),
        )
        for name, count in sorted(self._counts.items()):
            family.add_metric((name,), count)
        yield family


class HeldEvents:
    """The events in memory."""

    def __init__(self, store: EventStore) -> None:
        """The events of a store."""
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """One sample for each kind, and how often what follows them failed."""
        # The counter of writes has the name dora_exporter_events, which a gauge must not share in OpenMetrics.
        family = GaugeMetricFamily("dora_exporter_events_held", "Events held in memory.", labels=("kind",))
        family.add_metric(("deployment",), len(self._store.deployments))
        family.add_metric(("incident",), len(self._store.incidents))
        yield family
        yield CounterMetricFamily(
            "dora_exporter_observer_failures",
            "How often an index or a count of the daemon failed to follow a write; it is rebuilt from the events.",
            value=self._store.observers.failures,
        )


class SeriesCollector:
    """The state of the series."""

    def __init__(self, current: Callable[[], Engine]) -> None:
        """``current`` returns the engine in use, which a reload may replace."""
        self._current = current

    def collect(self) -> Iterable[Metric]:
        """Numbers of series and of dropped samples."""
        engine = self._current()
        for name, help_text, read in _GAUGES_OF_CENSUS:
            yield GaugeMetricFamily(name, help_text, read(engine.census))
        yield GaugeMetricFamily(
            "dora_exporter_broken_series",
            "Series and teams without gauges because computing them fails.",
            engine.broken_series,
        )
        yield GaugeMetricFamily(
            "dora_exporter_pending_writes", "Writes to events that are not in the gauges yet.", engine.pending_writes
        )
        dropped = GaugeMetricFamily(
            "dora_exporter_lead_time_commits_dropped",
            "Commits of stored deployments excluded from the lead time, by cause.",
            labels=("cause",),
        )
        for cause, count in sorted(engine.census.lead_time_commits_dropped.items()):
            dropped.add_metric((cause,), count)
        yield dropped


_GAUGES_OF_CENSUS: tuple[tuple[str, str, Callable[[Census], int]], ...] = (
    (
        "dora_exporter_series",
        "Distinct pairs of service and environment with events.",
        lambda census: census.series,
    ),
    (
        "dora_exporter_series_folded",
        "Series beyond the limit, exposed together as service and environment _other.",
        lambda census: census.series_folded,
    ),
    (
        "dora_exporter_teams",
        "Distinct pairs of team and environment with events.",
        lambda census: census.teams,
    ),
    (
        "dora_exporter_teams_folded",
        "Teams beyond the limit, exposed together as team and environment _other.",
        lambda census: census.teams_folded,
    ),
    (
        "dora_exporter_series_limit",
        (
            "Maximum number of series, of teams, of groups, and of values of dimensions, each with its environment, "
            "that are exposed by name."
        ),
        lambda census: census.series_limit,
    ),
)
"""Name, HELP text and value."""
