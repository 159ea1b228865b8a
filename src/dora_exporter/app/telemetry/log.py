"""The health of the log."""

from collections.abc import Iterable
from typing import Protocol

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily


class LogHealth(Protocol):
    """What is known about lines that were not written."""

    @property
    def full(self) -> int:
        """The number dropped because the reader was too slow."""
        ...

    @property
    def repeated(self) -> int:
        """How many because requests made too many of their kind."""
        ...


class LogCollector:
    """The lines that the log lacks."""

    def __init__(self, health: LogHealth) -> None:
        """Reads from an object that knows."""
        self._health = health

    def collect(self) -> Iterable[Metric]:
        """One counter, with a reason."""
        dropped = CounterMetricFamily(
            "dora_exporter_log_lines_dropped",
            "Log lines dropped, by reason: full, the reader of the log is too slow; repeated, requests caused too "
            "many of a kind.",
            labels=["reason"],
        )
        dropped.add_metric(["full"], self._health.full)
        dropped.add_metric(["repeated"], self._health.repeated)
        yield dropped
