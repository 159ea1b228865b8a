"""The health of the connection to the shared database."""

from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from dora_exporter.runtime.clock import in_seconds
from dora_exporter.storage.postgresql.statistics import Statistics


class DatabaseCollector:
    """The state of the shared log, as this replica sees it."""

    def __init__(
        self,
        statistics: Callable[[], Statistics],
        *,
        leads: Callable[[], bool],
        replay_seconds: Callable[[], float | None],
    ) -> None:
        """``replay_seconds`` is how long reading the log at the start took; None until it is done."""
        self._statistics = statistics
        self._leads = leads
        self._replay_seconds = replay_seconds

    def collect(self) -> Iterable[Metric]:
        """Positions, times and losses. An event that has not happened yet has no sample."""
        now = self._statistics()
        for name, help_text, read in _GAUGES:
            yield GaugeMetricFamily(name, help_text, read(now))
        yield GaugeMetricFamily(
            "dora_exporter_log_replay_duration_seconds",
            "Duration of reading the shared log at startup.",
            self._replay_seconds(),
        )
        yield GaugeMetricFamily(
            "dora_exporter_leader",
            "1 on the replica that polls sources, resolves commits and compacts the log, 0 on the others.",
            self._leads(),
        )
        yield CounterMetricFamily(
            "dora_exporter_log_rows_lost",
            "Unreadable rows of the shared log since the daemon started.",
            now.rows_lost,
        )


_GAUGES: tuple[tuple[str, str, Callable[[Statistics], float | None]], ...] = (
    (
        "dora_exporter_log_up",
        "1 if the database is available, 0 while it is not and writes are refused.",
        lambda now: now.unavailable_since_ms is None,
    ),
    (
        "dora_exporter_log_unavailable_since_timestamp_seconds",
        "When the database became unavailable; absent while it is available.",
        lambda now: in_seconds(now.unavailable_since_ms),
    ),
    (
        "dora_exporter_log_position",
        "Position of the last record of the shared log that is in the gauges.",
        lambda now: now.position,
    ),
    (
        "dora_exporter_log_behind_records",
        "Known records of the shared log that are not in the gauges yet.",
        lambda now: now.head - now.position,
    ),
    (
        "dora_exporter_log_last_write_timestamp_seconds",
        "When this replica last committed events.",
        lambda now: in_seconds(now.last_write_ms),
    ),
    (
        "dora_exporter_log_last_commit_duration_seconds",
        "Duration of the last commit of this replica.",
        lambda now: now.last_commit_seconds,
    ),
)
"""Those of the statistics: name, HELP text and value."""
