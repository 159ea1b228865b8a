"""The health of the way to the database that replicas share."""

from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily

from dora_exporter.app.telemetry.gauge import gauge, seconds
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
        """Positions, times and losses; what has not happened yet has no sample."""
        now = self._statistics()
        yield gauge(
            "dora_exporter_log_up",
            "1 if the database answers, 0 while it is away and writes are refused.",
            now.unavailable_since_ms is None,
        )
        yield gauge(
            "dora_exporter_log_unavailable_since_timestamp_seconds",
            "Since when the database is away; absent while it answers.",
            seconds(now.unavailable_since_ms),
        )
        yield gauge(
            "dora_exporter_log_position", "The last record of the shared log that is in the gauges.", now.position
        )
        yield gauge(
            "dora_exporter_log_behind_records",
            "Records of the shared log, as far as they are known of, that are not in the gauges yet.",
            now.head - now.position,
        )
        yield gauge(
            "dora_exporter_log_last_write_timestamp_seconds",
            "When this replica last committed events.",
            seconds(now.last_write_ms),
        )
        yield gauge(
            "dora_exporter_log_last_commit_duration_seconds",
            "How long the last commit of this replica took.",
            now.last_commit_seconds,
        )
        yield gauge(
            "dora_exporter_log_replay_duration_seconds",
            "How long reading the shared log took at the start.",
            self._replay_seconds(),
        )
        yield gauge(
            "dora_exporter_leader",
            "1 on the replica that polls sources, looks for commits and compacts the log, 0 on the others.",
            self._leads(),
        )
        lost = CounterMetricFamily(
            "dora_exporter_log_rows_lost", "Rows of the shared log that could not be read, since the start."
        )
        lost.add_metric((), now.rows_lost)
        yield lost
