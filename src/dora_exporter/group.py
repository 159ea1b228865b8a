"""A group of the exposition: the history of a series, a team or the surplus series, and its lines."""

from collections.abc import Iterator, Mapping, Sequence

from dora_exporter.history import DeploymentFacts, History, IncidentFacts
from dora_exporter.metrics.metric import Metric, WindowMetric
from dora_exporter.text import sample_end, sample_start
from dora_exporter.tracks import Window


class Group:
    """Labels and what is measured under them."""

    __slots__ = ("history", "key", "labels", "present")

    def __init__(self, labels: Mapping[str, str]) -> None:
        """A group in which nothing happened; ``key`` is the values of its labels."""
        self.labels = labels
        self.key = tuple(labels.values())
        self.history = History()
        self.present = 0

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
        return b"".join(
            sample_start(name, {**self.labels, **labels}) + sample_end(value)
            for labels, value in self._samples(metric, windows)
        )

    def _samples(self, metric: Metric, windows: Sequence[Window]) -> Iterator[tuple[dict[str, str], float]]:
        if isinstance(metric, WindowMetric):
            for window in windows:
                for own, value in metric.read(self.history, window):
                    yield {"window": window.text, **dict(zip(metric.labels, own, strict=True))}, value
        else:
            for own, value in metric.read(self.history):
                yield dict(zip(metric.labels, own, strict=True)), value
