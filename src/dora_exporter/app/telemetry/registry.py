"""The registry of the families about the daemon itself."""

import platform
from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Metric,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import InfoMetricFamily

from dora_exporter import __version__

_disable_created_metrics: Callable[[], None] = disable_created_metrics


def new_registry() -> CollectorRegistry:
    """A registry with the build and the families that ``prometheus_client`` has of the process and of Python."""
    _disable_created_metrics()
    registry = CollectorRegistry()
    registry.register(BuildInfo())
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class BuildInfo:
    """The build that is running."""

    def collect(self) -> Iterable[Metric]:
        """Always one sample."""
        yield InfoMetricFamily(
            "dora_exporter_build",
            "Version of the exporter and of Python.",
            {"version": __version__, "python_version": platform.python_version()},
        )
