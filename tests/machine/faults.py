"""Faults of the daemon's own, put into any stage at any moment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from tests.machine.facts import Line

from dora_exporter.app.telemetry import CommitCounts
from dora_exporter.commits.correlator import Correlator
from dora_exporter.commits.shipped_commits.resolver import Resolver
from dora_exporter.dora.changes import WriteCounts
from dora_exporter.dora.failures.classifier import Classifier
from dora_exporter.exposition.sample_text import AggregateLines
from dora_exporter.series.aggregate import Aggregate
from dora_exporter.series.pending_writes import PendingWrites
from dora_exporter.series.series_state import SeriesState
from dora_exporter.sources.polling.indexes import OpenIncidents, Targets

STAGES: dict[str, tuple[type, str]] = {
    "ingest": (SeriesState, "adding"),
    "withdrawal": (SeriesState, "removing"),
    "judging": (Classifier, "_classifying"),
    "adding up": (Aggregate, "change_deployment"),
    "rendering": (AggregateLines, "of"),
    "observers": (WriteCounts, "observe"),
    "noting": (PendingWrites, "note"),
    "tallying": (CommitCounts, "observe"),
    "resolving": (Resolver, "observe"),
    "correlating": (Correlator, "observe"),
    "indexing incidents": (OpenIncidents, "observe"),
    "indexing targets": (Targets, "observe"),
}
"""Where a fault can be: what raises when it is met."""


class PutIn(Exception):
    """A fault that was put in."""


class Faults:
    """Those that wait to be met: one in a stage raises once, one in a series whenever it is shown."""

    def __init__(self) -> None:
        """None."""
        self.waiting: dict[str, int] = {}
        self.line: Line | None = None
        self.met = 0

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Within this the daemon meets them."""
        before = {stage: getattr(kind, name) for stage, (kind, name) in STAGES.items()}
        for stage, (kind, name) in STAGES.items():
            setattr(kind, name, self._trapped(stage, before[stage]))
        try:
            yield
        finally:
            for stage, (kind, name) in STAGES.items():
                setattr(kind, name, before[stage])

    def _trapped(self, stage: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def trapped(that: object, *arguments: object, **named: object) -> object:
            left = self.waiting.get(stage)
            if left is not None:
                self.waiting[stage] = left - 1
                if left <= 0:
                    del self.waiting[stage]
                    self.met += 1
                    raise PutIn(stage)
            if stage == "rendering" and isinstance(that, AggregateLines) and that.key == self.line:
                self.met += 1
                raise PutIn(stage)
            return method(that, *arguments, **named)

        return trapped
