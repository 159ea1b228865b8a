"""Reads one metric from measures made of facts, over a week whose edges have names."""

from dora_exporter.dora import metrics
from dora_exporter.dora.events import DAY_MS
from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts, Measures
from dora_exporter.dora.metrics.contract import WindowMetric
from dora_exporter.dora.sliding_window import Window

NOW_MS = 1_750_000_000_500
WEEK = Window("7d", 7 * DAY_MS, NOW_MS)
LAST_MS = NOW_MS
"""The last instant of the week."""
FIRST_MS = WEEK.start_ms + 1
"""The first instant of the week."""
BEFORE_MS = WEEK.start_ms
"""The last instant before the week."""
AFTER_MS = NOW_MS + 1
"""The first instant after the week."""
BY_NAME = {each.name: each for each in metrics.ALL}
Facts = DeploymentFacts | IncidentFacts
Values = dict[tuple[str, ...], float]


def deployed(at_ms: int) -> DeploymentFacts:
    """A deployment that finished at a moment, and did not fail."""
    return DeploymentFacts(at_ms, "api")


def failed(at_ms: int, cause: str = "rollback", recovery: tuple[int, int] | None = None) -> DeploymentFacts:
    """A deployment that finished at a moment and failed; ``recovery`` is when it recovered, and how long that took."""
    return DeploymentFacts(at_ms, "api", cause=cause, recovery=recovery)


def began(at_ms: int, *, restored_at: int | None = None, attributed: bool = True) -> IncidentFacts:
    """An incident that began at a moment."""
    return IncidentFacts(at_ms, "api", restored_at, attributed=attributed)


def measures(*facts: Facts) -> Measures:
    """Measures of these facts."""
    made = Measures()
    for each in facts:
        if isinstance(each, DeploymentFacts):
            made.add_deployment(each)
        else:
            made.add_incident(each)
    return made


def values(name: str, *facts: Facts) -> Values:
    """What a metric reads from these facts."""
    return values_of(name, measures(*facts))


def values_of(name: str, of: Measures) -> Values:
    """What a metric reads from measures."""
    metric = BY_NAME[name]
    return dict(metric.read(of, WEEK) if isinstance(metric, WindowMetric) else metric.read(of))
