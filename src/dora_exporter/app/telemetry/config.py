"""The health of the configuration."""

from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from dora_exporter.app.reload import Configuration
from dora_exporter.runtime.clock import in_seconds


class ConfigCollector:
    """The state of the configuration."""

    def __init__(self, configuration: Configuration) -> None:
        """Reports on the settings in use."""
        self._configuration = configuration

    def collect(self) -> Iterable[Metric]:
        """Whether the last reload succeeded, and when the last successful one was."""
        yield GaugeMetricFamily(
            "dora_exporter_config_last_reload_successful",
            "1 if the last reload of the configuration succeeded; otherwise the previous one stays in use.",
            self._configuration.is_last_reload_successful,
        )
        yield GaugeMetricFamily(
            "dora_exporter_config_last_reload_success_timestamp_seconds",
            "When the configuration was last loaded successfully.",
            in_seconds(self._configuration.last_reload_success_ms),
        )
