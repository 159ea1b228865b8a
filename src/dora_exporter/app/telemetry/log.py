"""The health of the log."""

from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily

from dora_exporter.runtime.log_setup import Log


class LogCollector:
    """Log lines that were dropped."""

    def __init__(self, log: Log) -> None:
        """Reports on the log of the process."""
        self._log = log

    def collect(self) -> Iterable[Metric]:
        """One counter, by reason."""
        dropped = CounterMetricFamily(
            "dora_exporter_log_lines_dropped",
            "Log lines dropped, by reason: full, the reader of the log is too slow; repeated, requests caused too "
            "many of a kind.",
            labels=["reason"],
        )
        dropped.add_metric(["full"], self._log.full)
        dropped.add_metric(["repeated"], self._log.repeated)
        yield dropped
