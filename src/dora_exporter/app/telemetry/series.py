"""How many series are exposed, and what is left out of them."""

from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from dora_exporter.series.engine import Engine


class SeriesCollector:
    """The state of the series."""

    def __init__(self, current: Callable[[], Engine]) -> None:
        """``current`` returns the engine in use, which a reload may replace."""
        self._current = current

    def collect(self) -> Iterable[Metric]:
        """Numbers of series and of dropped samples."""
        engine, census = self._current(), self._current().census
        yield GaugeMetricFamily(
            "dora_exporter_series", "Distinct pairs of service and environment with events.", census.series
        )
        yield GaugeMetricFamily(
            "dora_exporter_series_folded",
            "Series beyond the limit, exposed together as service and environment _other.",
            census.series_folded,
        )
        yield GaugeMetricFamily(
            "dora_exporter_teams", "Distinct pairs of team and environment with events.", census.teams
        )
        yield GaugeMetricFamily(
            "dora_exporter_teams_folded",
            "Teams beyond the limit, exposed together as team and environment _other.",
            census.teams_folded,
        )
        yield GaugeMetricFamily(
            "dora_exporter_series_limit",
            "Maximum number of series, of teams, of groups, and of values of dimensions, each with its environment, "
            "that are exposed by name.",
            census.series_limit,
        )
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
        for cause, count in sorted(census.lead_time_commits_dropped.items()):
            dropped.add_metric((cause,), count)
        yield dropped
