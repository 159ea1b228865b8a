"""The families about the daemon itself, all named ``dora_exporter_...``.

Their collectors read from objects that know; each is registered in one registry, and others may add theirs.
"""

from dora_exporter.telemetry.config import ConfigCollector, ConfigHealth
from dora_exporter.telemetry.database import DatabaseCollector
from dora_exporter.telemetry.events import EventCounts, HeldEvents, Rejection, RejectionCounts, UnknownAttributeCounts
from dora_exporter.telemetry.levels import LevelThresholds
from dora_exporter.telemetry.log import LogCollector
from dora_exporter.telemetry.registry import new_registry
from dora_exporter.telemetry.series import SeriesCollector, SeriesHealth
from dora_exporter.telemetry.snapshot import SnapshotCollector

__all__ = [
    "ConfigCollector",
    "ConfigHealth",
    "DatabaseCollector",
    "EventCounts",
    "HeldEvents",
    "LevelThresholds",
    "LogCollector",
    "Rejection",
    "RejectionCounts",
    "SeriesCollector",
    "SeriesHealth",
    "SnapshotCollector",
    "UnknownAttributeCounts",
    "new_registry",
]
