"""An aggregate of the exposition: the measures of a series, a team or the surplus series, and its lines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts, Measures
from dora_exporter.dora.metrics.contract import Metric, Value, WindowMetric
from dora_exporter.dora.sliding_window import Window
from dora_exporter.exposition.sample_text import escape, number, sample_start

_MARK = "\N{NULL}"
"""Stands for an aggregate's values until it is known which aggregate: no name holds control characters."""


class Aggregate:
    """Labels and what is measured under them."""

    __slots__ = ("_escaped", "_label_names", "key", "labels", "measures", "present")

    def __init__(self, labels: Mapping[str, str], *, is_by_source: bool = True) -> None:
        """An aggregate in which nothing happened; ``key`` is the values of its labels."""
        self.labels = labels
        self.key = tuple(labels.values())
        self._label_names = tuple(labels)
        self._escaped = [escape(labels[name]) for name in sorted(labels)]
        self.measures = Measures(is_by_source=is_by_source)
        self.present = 0

    def reset(self) -> None:
        """Empties it, as if nothing had happened."""
        self.measures = self.measures.emptied()
        self.present = 0

    def change_deployment(self, before: DeploymentFacts | None, after: DeploymentFacts | None) -> None:
        """A deployment's facts changed."""
        if before is not None:
            self.measures.remove_deployment(before)
        if after is not None:
            self.measures.add_deployment(after)

    def change_incident(self, before: IncidentFacts | None, after: IncidentFacts | None) -> None:
        """An incident's facts changed."""
        if before is not None:
            self.measures.remove_incident(before)
        if after is not None:
            self.measures.add_incident(after)

    def lines(self, metric: Metric, name: str, windows: Sequence[Window]) -> bytes:
        """The aggregate's sample lines in a family."""
        one, other = self._escaped
        lines = [
            f"{start[0]}{one}{start[1]}{other}{start[2]}{number(value)}"
            for starts, values in self._samples(metric, name, windows)
            for own, value in values
            for start in (starts[own],)
        ]
        return "".join(lines).encode(errors="replace")

    def _samples(
        self, metric: Metric, name: str, windows: Sequence[Window]
    ) -> Iterator[tuple["_Starts", Iterable[Value]]]:
        if isinstance(metric, WindowMetric):
            for window in windows:
                starts = _starts(name, self._label_names, metric.labels, window.text)
                yield starts, metric.read(self.measures, window)
        else:
            yield _starts(name, self._label_names, metric.labels, None), metric.read(self.measures)


class _Starts(dict[tuple[str, ...], list[str]]):
    """By the values of a metric's own labels, a sample up to its value, cut where the aggregate's values go."""

    def __init__(self, name: str, labels: Mapping[str, str], own: Sequence[str]) -> None:
        super().__init__()
        self._name = name
        self._labels = labels
        self._own = own

    def __missing__(self, values: tuple[str, ...]) -> list[str]:
        labels = {**self._labels, **dict(zip(self._own, values, strict=True))}
        self[values] = start = sample_start(self._name, labels).decode().split(_MARK)
        return start


@lru_cache(maxsize=4096)
def _starts(name: str, aggregate: tuple[str, str], own: tuple[str, ...], window: str | None) -> _Starts:
    """All aggregates share them."""
    labels = {**dict.fromkeys(aggregate, _MARK), **({} if window is None else {"window": window})}
    return _Starts(name, labels, own)
