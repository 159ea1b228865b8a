"""What each environment is for: its tier."""

from collections.abc import Callable, Iterable

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from dora_exporter.series.engine import Engine


class EnvironmentTiers:
    """The environments of the series that are exposed by name."""

    def __init__(self, current: Callable[[], Engine]) -> None:
        """``current`` returns the engine in use, which a reload may replace."""
        self._current = current

    def collect(self) -> Iterable[Metric]:
        """A sample for each environment, by name."""
        engine = self._current()
        family = GaugeMetricFamily(
            "dora_environment_info",
            "The tier of an environment: production, staging, testing, development or other.",
            labels=("environment", "tier"),
        )
        for environment in sorted(engine.census.environments):
            family.add_metric((environment, engine.definitions.catalogue.tier(environment)), 1)
        yield family
