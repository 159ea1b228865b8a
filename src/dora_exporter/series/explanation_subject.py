"""Whose number is explained: that of a service or of a team, in an environment."""

from dataclasses import dataclass

from dora_exporter.dora.events import Series
from dora_exporter.dora.metrics.contract import WindowMetric
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.engine import Readings
from dora_exporter.series.explanation import METRICS, Explanation, explain
from dora_exporter.series.team_explanation import explain_team

KINDS = ("service", "team")


@dataclass(frozen=True, slots=True)
class Subject:
    """``kind`` is one of ``KINDS``, ``name`` that of the service or the team."""

    kind: str
    name: str
    environment: str

    @property
    def labels(self) -> dict[str, str]:
        """Those of its series in the exposition, and the parameters that ask for it."""
        return {self.kind: self.name, "environment": self.environment}

    def is_broken(self, readings: Readings) -> bool:
        """Whether it is a service that has no numbers because their computation fails."""
        return self.kind == "service" and readings.is_broken(Series(self.name, self.environment))

    async def explain(self, readings: Readings, metric: WindowMetric, window: Window) -> Explanation | None:
        """Explains a metric of ``explanation.METRICS``; None where no event is held."""
        if self.kind == "team":
            return await explain_team(readings, (self.name, self.environment), metric, window)
        series = Series(self.name, self.environment)
        timeline, group = readings.timeline(series), readings.tallies.series.get(series)
        return await explain(timeline, group.history, metric, window) if timeline and group else None


def metric_of(subject: Subject, name: str) -> WindowMetric | None:
    """The metric that a gauge of a service or of a team shows; None when it cannot be explained."""
    return METRICS.get(name.replace("dora_team_", "dora_", 1) if subject.kind == "team" else name)
