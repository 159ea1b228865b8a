"""The subject of an explanation: a service, a team, a group or a value of a dimension, in an environment."""

from dataclasses import dataclass, replace

from dora_exporter.dora.catalogue.catalogue import Catalogue
from dora_exporter.dora.events import Series
from dora_exporter.dora.metrics.contract import WindowMetric
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.engine import Engine
from dora_exporter.series.explanation import METRICS, Explanation, explain
from dora_exporter.series.membership import Rollup, dimension
from dora_exporter.series.rollup_explanation import explain_rollup

KINDS = ("service", "team", "group", "dimension")


@dataclass(frozen=True, slots=True)
class SentName:
    """A service and an environment as they were sent, and the rules of the catalogue that rename them."""

    service: str
    environment: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """A service, a team, a group or a value of a dimension.

    ``kind`` is one of ``KINDS``; for a value ``name`` is the value, and ``dimension`` whose it is.
    """

    kind: str
    name: str
    environment: str
    dimension: str = ""

    def named(self, catalogue: Catalogue) -> "Subject":
        """The subject by the names of the catalogue, which numbers have."""
        name = catalogue.service(self.name) if self.kind == "service" else self.name
        return replace(self, name=name, environment=catalogue.environment(self.environment))

    def why_ignored(self, catalogue: Catalogue) -> str | None:
        """The rule of the catalogue that ignores its events, if one does."""
        return catalogue.why_ignored([self.name] if self.kind == "service" else [], self.environment)

    def sent_names(self, engine: Engine) -> list[SentName]:
        """The other names that the events of a service were sent with; none of a team."""
        if self.kind != "service":
            return []
        catalogue = engine.definitions.catalogue
        sent = engine.sent_as(Series(self.name, self.environment))
        return [SentName(*each, rules=catalogue.renaming_rules(each)) for each in sent]

    @property
    def labels(self) -> dict[str, str]:
        """Its labels in the exposition, which are its query parameters, too."""
        return {**dict(self._rollup), "environment": self.environment}

    @property
    def _rollup(self) -> Rollup:
        if self.kind == "dimension":
            return dimension(self.dimension, self.name)
        return ((self.kind, self.name),)

    def is_broken(self, engine: Engine) -> bool:
        """Whether it is a service without gauges because computing them fails."""
        return self.kind == "service" and engine.is_broken(Series(self.name, self.environment))

    async def explain(self, engine: Engine, metric: WindowMetric, window: Window) -> Explanation | None:
        """Explains a metric of ``explanation.METRICS``; None if the subject has no event."""
        if self.kind != "service":
            return await explain_rollup(engine, (self._rollup, self.environment), metric, window)
        series = Series(self.name, self.environment)
        state, aggregate = engine.state(series), engine.aggregates.series.get(series)
        return await explain(state, aggregate.measures, metric, window) if state and aggregate else None


def metric_of(subject: Subject, name: str) -> WindowMetric | None:
    """The metric of a gauge of a subject; None if it cannot be explained."""
    return METRICS.get(name if subject.kind == "service" else name.replace(f"dora_{subject.kind}_", "dora_", 1))
