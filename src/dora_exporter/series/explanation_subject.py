"""Whose number is explained: that of a service or of a team, in an environment."""

from dataclasses import dataclass

from dora_exporter.dora.events import Series
from dora_exporter.dora.metrics.contract import WindowMetric
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.engine import Engine
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

    def is_broken(self, engine: Engine) -> bool:
        """Whether it is a service that has no numbers because their computation fails."""
        return self.kind == "service" and engine.is_broken(Series(self.name, self.environment))

    async def explain(self, engine: Engine, metric: WindowMetric, window: Window) -> Explanation | None:
        """Explains a metric of ``explanation.METRICS``; None where no event is held."""
        if self.kind == "team":
            return await explain_team(engine, (self.name, self.environment), metric, window)
        series = Series(self.name, self.environment)
        state, aggregate = engine.state(series), engine.aggregates.series.get(series)
        return await explain(state, aggregate.measures, metric, window) if state and aggregate else None


def metric_of(subject: Subject, name: str) -> WindowMetric | None:
    """The metric that a gauge of a service or of a team shows; None when it cannot be explained."""
    return METRICS.get(name.replace("dora_team_", "dora_", 1) if subject.kind == "team" else name)
