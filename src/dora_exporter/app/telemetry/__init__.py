"""The families about the daemon itself, all named ``dora_exporter_...``.

A collector reads its values from the daemon's objects, at a scrape after something that may have changed them, as
``app/components`` lists it. What ``prometheus_client`` knows of the process is in a registry.
"""

from dora_exporter.app.telemetry.commits import CommitCounts, CommitsCollector
from dora_exporter.app.telemetry.config import ConfigCollector
from dora_exporter.app.telemetry.counts import (
    EventCounts,
    HeldEvents,
    RejectionCounts,
    SeriesCollector,
    UnknownAttributeCounts,
)
from dora_exporter.app.telemetry.environments import EnvironmentTiers
from dora_exporter.app.telemetry.levels import LevelThresholds
from dora_exporter.app.telemetry.log import LogCollector
from dora_exporter.app.telemetry.names import UnmappedNames
from dora_exporter.app.telemetry.postgresql import DatabaseCollector
from dora_exporter.app.telemetry.registry import new_registry
from dora_exporter.app.telemetry.snapshot import SnapshotCollector
from dora_exporter.app.telemetry.sources import SourceCollector

__all__ = [
    "CommitCounts",
    "CommitsCollector",
    "ConfigCollector",
    "DatabaseCollector",
    "EnvironmentTiers",
    "EventCounts",
    "HeldEvents",
    "LevelThresholds",
    "LogCollector",
    "RejectionCounts",
    "SeriesCollector",
    "SnapshotCollector",
    "SourceCollector",
    "UnknownAttributeCounts",
    "UnmappedNames",
    "new_registry",
]
