"""The settings that decide the metrics, besides the events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dora_exporter.dora import metrics
from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.events import MINUTE_MS
from dora_exporter.dora.failures.contract import Rule
from dora_exporter.dora.groups import Groups
from dora_exporter.dora.incident_rules import IncidentRules
from dora_exporter.dora.metrics.contract import Metric


@dataclass(frozen=True, slots=True)
class Definitions:
    """The definitions in force. Windows are (text, milliseconds)."""

    windows: Sequence[tuple[str, int]]
    retention_ms: int
    series_limit: int
    attribution_limit_ms: int | None = None
    merge_within_ms: int = 30 * MINUTE_MS
    rules: Sequence[Rule] = ()
    incidents: IncidentRules = field(default_factory=IncidentRules)
    teams: Mapping[str, str] = field(default_factory=dict)
    groups: Groups = field(default_factory=Groups)
    dimensions: Sequence[str] = ()
    values_limit: int = 50
    catalogue: Catalogue = NO_CATALOGUE
    metrics: Sequence[Metric] = metrics.ALL
