"""The health of the configuration."""

from collections.abc import Iterable
from typing import Protocol

from prometheus_client import Metric

from dora_exporter.app.telemetry.gauge import gauge, seconds


class ConfigHealth(Protocol):
    """What is known about the configuration in use."""

    @property
    def is_last_reload_successful(self) -> bool:
        """Whether the file was good when it was last read."""
        ...

    @property
    def last_reload_success_ms(self) -> int | None:
        """When a good file was last read."""
        ...


class ConfigCollector:
    """The state of the configuration."""

    def __init__(self, health: ConfigHealth) -> None:
        """Reads from an object that knows."""
        self._health = health

    def collect(self) -> Iterable[Metric]:
        """Whether and when it was read."""
        yield gauge(
            "dora_exporter_config_last_reload_successful",
            "1 if the last reload of the configuration succeeded; otherwise the previous one stays in use.",
            self._health.is_last_reload_successful,
        )
        yield gauge(
            "dora_exporter_config_last_reload_success_timestamp_seconds",
            "When the configuration was last loaded successfully.",
            seconds(self._health.last_reload_success_ms),
        )
