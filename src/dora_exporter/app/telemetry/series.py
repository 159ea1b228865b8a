"""How many series are exposed, and what is left out of them."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from dora_exporter.app.telemetry.gauge import gauge


class SeriesHealth(Protocol):
    """What is known about the series that are exposed."""

    @property
    def series(self) -> int:
        """Distinct series with at least one event, the folded ones included."""
        ...

    @property
    def series_folded(self) -> int:
        """Those beyond the limit, which are exposed together as ``_other``."""
        ...

    @property
    def teams(self) -> int:
        """Distinct teams and environments with at least one event, the folded ones included."""
        ...

    @property
    def teams_folded(self) -> int:
        """Those beyond the limit, which are exposed together as ``_other``."""
        ...

    @property
    def series_limit(self) -> int:
        """The configured limit."""
        ...

    @property
    def broken_series(self) -> int:
        """Series, and teams, without gauges because their computation fails."""
        ...

    @property
    def pending_writes(self) -> int:
        """Writes to events that are not in the gauges yet."""
        ...

    @property
    def lead_time_commits_dropped(self) -> Mapping[str, int]:
        """Commits of held deployments that are no lead time sample, by cause."""
        ...


class SeriesCollector:
    """The state of the series."""

    def __init__(self, health: SeriesHealth) -> None:
        """Reads from an object that knows."""
        self._health = health

    def collect(self) -> Iterable[Metric]:
        """Numbers of series and of dropped samples."""
        health = self._health
        yield gauge("dora_exporter_series", "Distinct pairs of service and environment with events.", health.series)
        yield gauge(
            "dora_exporter_series_folded",
            "Series beyond the limit, exposed together as service and environment _other.",
            health.series_folded,
        )
        yield gauge("dora_exporter_teams", "Distinct pairs of team and environment with events.", health.teams)
        yield gauge(
            "dora_exporter_teams_folded",
            "Teams beyond the limit, exposed together as team and environment _other.",
            health.teams_folded,
        )
        yield gauge(
            "dora_exporter_series_limit",
            "Maximum number of series, and of teams, that are exposed by name.",
            health.series_limit,
        )
        yield gauge(
            "dora_exporter_broken_series",
            "Series and teams without gauges because computing them fails.",
            health.broken_series,
        )
        yield gauge(
            "dora_exporter_pending_writes", "Writes to events that are not in the gauges yet.", health.pending_writes
        )
        dropped = GaugeMetricFamily(
            "dora_exporter_lead_time_commits_dropped",
            "Commits of stored deployments excluded from the lead time, by cause.",
            labels=("cause",),
        )
        for cause, count in sorted(health.lead_time_commits_dropped.items()):
            dropped.add_metric((cause,), count)
        yield dropped
