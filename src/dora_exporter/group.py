"""A group of the exposition: the history of a series, a team or the surplus series, and its lines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dora_exporter.history import DeploymentFacts, History, IncidentFacts
from dora_exporter.metrics.metric import Metric, WindowMetric
from dora_exporter.text import escape, number, sample_start
from dora_exporter.tracks import Window

_FIRST, _SECOND = "\N{NULL}", "\N{START OF HEADING}"
"""Stand for a group's values until it is known which group: no name holds control characters."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurements of a group, by name, and how many events it has."""

    columns: Mapping[str, Sequence[bytes]]
    dropped: int
    present: int


class Group:
    """Labels and what is measured under them."""

    __slots__ = ("_label_names", "history", "key", "labels", "present")

    def __init__(self, labels: Mapping[str, str]) -> None:
        """A group in which nothing happened; ``key`` is the values of its labels."""
        self.labels = labels
        self.key = tuple(labels.values())
        self._label_names = tuple(labels)
        self.history = History()
        self.present = 0

    @property
    def measured(self) -> Measured:
        """What ``fill`` takes."""
        return Measured(self.history.columns(), self.history.dropped, self.present)

    def fill(self, measured: Measured) -> None:
        """Takes the measurements of another group into this one, which has none."""
        self.history.fill(measured.columns, measured.dropped)
        self.present = measured.present

    def change_deployment(self, before: DeploymentFacts | None, after: DeploymentFacts | None) -> None:
        """A deployment's facts changed."""
        if before is not None:
            self.history.remove_deployment(before)
        if after is not None:
            self.history.add_deployment(after)

    def change_incident(self, before: IncidentFacts | None, after: IncidentFacts | None) -> None:
        """An incident's facts changed."""
        if before is not None:
            self.history.remove_incident(before)
        if after is not None:
            self.history.add_incident(after)

    def lines(self, metric: Metric, name: str, windows: Sequence[Window]) -> bytes:
        """The group's sample lines in a family."""
        first, second = (escape(value) for value in self.key)
        lines = [
            _start(name, self._label_names, labels).replace(_FIRST, first).replace(_SECOND, second) + number(value)
            for labels, value in self._samples(metric, windows)
        ]
        return "".join(lines).encode(errors="replace")

    def _samples(
        self, metric: Metric, windows: Sequence[Window]
    ) -> Iterator[tuple[tuple[tuple[str, str], ...], float]]:
        if isinstance(metric, WindowMetric):
            for window in windows:
                for own, value in metric.read(self.history, window):
                    yield (("window", window.text), *zip(metric.labels, own, strict=True)), value
        else:
            for own, value in metric.read(self.history):
                yield tuple(zip(metric.labels, own, strict=True)), value


@lru_cache(maxsize=4096)
def _start(name: str, group_labels: tuple[str, str], own: tuple[tuple[str, str], ...]) -> str:
    """A sample up to its value, with marks where the group's values go: all groups share it."""
    return sample_start(name, {group_labels[0]: _FIRST, group_labels[1]: _SECOND, **dict(own)}).decode()
