"""How many names the catalogue does not know."""

from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from dora_exporter.series.engine import Engine


class UnmappedNames:
    """The names that no entry of the catalogue knows."""

    def __init__(self, current: Callable[[], Engine]) -> None:
        """``current`` returns the engine in use, which a reload may replace."""
        self._current = current

    def collect(self) -> Iterable[Metric]:
        """Their number by kind, where any entry is configured."""
        unmapped = GaugeMetricFamily(
            "dora_exporter_unmapped_names",
            "Names of services and environments with events that no entry of the configuration knows. "
            "Absent where none is configured.",
            labels=("kind",),
        )
        for kind, count in self._current().census.unmapped_names().items():
            unmapped.add_metric((kind,), count)
        yield unmapped
