"""The limits of the performance levels that are in use."""

from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from dora_exporter.dora.metrics.performance_level import thresholds


class LevelThresholds:
    """The published limits of an edition."""

    def __init__(self, edition: Callable[[], str]) -> None:
        """``edition`` names the one in use."""
        self._edition = edition

    def collect(self) -> Iterable[Metric]:
        """A sample for each metric and level that the report has."""
        family = GaugeMetricFamily(
            "dora_performance_level_threshold",
            "Threshold of a level in DORA's report, the worst value that reaches it: the least deployments per day, "
            "the longest time in seconds, the highest rate.",
            labels=("edition", "metric", "level"),
        )
        edition = self._edition()
        for metric, level, value in thresholds(edition):
            family.add_metric((edition, metric, level), value)
        yield family
