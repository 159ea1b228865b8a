"""What a metric is: a name, and a pure function that reads its values from a measures."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dora_exporter.dora.measures import Measures
from dora_exporter.dora.sliding_window import Window

Value = tuple[tuple[str, ...], float]
"""The values of the metric's own labels, and the sample; a sample that is not known is left out, never 0 or NaN."""


@dataclass(frozen=True, slots=True)
class WindowMetric:
    """A gauge per window. ``labels`` names those that it has besides the group's and ``window``."""

    name: str
    help: str
    read: Callable[[Measures, Window], Iterable[Value]]
    labels: tuple[str, ...] = ()
    is_per_team: bool = True


@dataclass(frozen=True, slots=True)
class StateMetric:
    """A gauge without a window."""

    name: str
    help: str
    read: Callable[[Measures], Iterable[Value]]
    labels: tuple[str, ...] = ()
    is_per_team: bool = True


Metric = WindowMetric | StateMetric
