"""The health of the snapshot file."""

from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from dora_exporter.runtime.clock import in_seconds
from dora_exporter.storage.file.statistics import Statistics


class SnapshotCollector:
    """The state of the snapshot file."""

    def __init__(self, statistics: Callable[[], Statistics], *, replay_seconds: Callable[[], float | None]) -> None:
        """``replay_seconds`` is how long reading the file at the start took; None until it is done."""
        self._statistics = statistics
        self._replay_seconds = replay_seconds

    def collect(self) -> Iterable[Metric]:
        """Size, times, durations and losses. An event that has not happened yet has no sample."""
        now = self._statistics()
        yield GaugeMetricFamily(
            "dora_exporter_snapshot_up",
            "1 if events can be written durably, 0 while writes fail.",
            now.unavailable_since_ms is None,
        )
        yield GaugeMetricFamily("dora_exporter_snapshot_size_bytes", "Size of the snapshot file.", now.size_bytes)
        yield GaugeMetricFamily(
            "dora_exporter_snapshot_last_write_timestamp_seconds",
            "When events were last written durably.",
            in_seconds(now.last_write_ms),
        )
        yield GaugeMetricFamily(
            "dora_exporter_snapshot_last_compaction_timestamp_seconds",
            "When the snapshot file was last compacted.",
            in_seconds(now.last_compaction_ms),
        )
        yield GaugeMetricFamily(
            "dora_exporter_snapshot_last_fsync_duration_seconds",
            "Duration of the last flush to disk.",
            now.last_fsync_seconds,
        )
        yield GaugeMetricFamily(
            "dora_exporter_snapshot_last_compaction_duration_seconds",
            "Duration of the last compaction of the snapshot file.",
            now.last_compaction_seconds,
        )
        yield GaugeMetricFamily(
            "dora_exporter_snapshot_replay_duration_seconds",
            "Duration of reading the snapshot file at startup.",
            self._replay_seconds(),
        )
        yield CounterMetricFamily(
            "dora_exporter_snapshot_lines_lost",
            "Unreadable lines of the snapshot file since the daemon started.",
            now.lines_lost,
        )
