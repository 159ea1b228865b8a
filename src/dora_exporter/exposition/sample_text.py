"""Sample lines in the text format, to the letter as ``prometheus_client`` writes them: of one sample, or an aggregate.

The same line is valid in text 0.0.4 and in OpenMetrics 1.0.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from prometheus_client.utils import floatToGoString

from dora_exporter.dora.metrics.contract import Metric, Value, WindowMetric
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.aggregate import Aggregate

_number: Callable[[float], str] = floatToGoString
_MARK = "\N{NULL}"
"""Stands for an aggregate's values until it is known which aggregate: no name holds control characters."""


def line(name: str, labels: Mapping[str, str], value: float) -> bytes:
    """One sample with its line feed."""
    return sample_start(name, labels) + sample_end(value)


def sample_start(name: str, labels: Mapping[str, str]) -> bytes:
    """A sample up to its value: worth keeping, because names and labels change less often than values."""
    if not labels:
        return f"{name} ".encode()
    pairs = ",".join([f'{label}="{escape(labels[label])}"' for label in sorted(labels)])
    # A lone surrogate, should a source let one through, must not cost the whole scrape.
    return f"{name}{{{pairs}}} ".encode(errors="replace")


def sample_end(value: float) -> bytes:
    """A sample from its value on."""
    return number(value).encode()


def number(value: float) -> str:
    """A value with the line feed that ends its sample."""
    return _integer(value) if type(value) is int else f"{_number(value)}\n"


@lru_cache(maxsize=4096)
def _integer(value: int) -> str:
    """Most samples are counts, and most counts are small."""
    return f"{_number(value)}\n"


def escape(value: str) -> str:
    """A label's value as it stands between quotes."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


class AggregateLines:
    """Writes the lines of an aggregate, a family at a time."""

    def __init__(self, aggregate: Aggregate, windows: Sequence[Window]) -> None:
        """Writes nothing yet."""
        self.key = aggregate.key
        self._measures = aggregate.measures
        self._windows = windows
        self._names = tuple(aggregate.labels)
        self._escaped = tuple(escape(aggregate.labels[name]) for name in sorted(aggregate.labels))

    def of(self, metric: Metric, name: str) -> bytes:
        """The lines in the family of that name."""
        lines = [
            f"{starts[own] % self._escaped}{number(value)}"
            for starts, values in self._samples(metric, name)
            for own, value in values
        ]
        return "".join(lines).encode(errors="replace")

    def _samples(self, metric: Metric, name: str) -> Iterator[tuple["_Starts", Iterable[Value]]]:
        if isinstance(metric, WindowMetric):
            for window in self._windows:
                starts = _starts(name, self._names, metric.labels, window.text)
                yield starts, metric.read(self._measures, window)
        else:
            yield _starts(name, self._names, metric.labels, None), metric.read(self._measures)


class _Starts(dict[tuple[str, ...], str]):
    """By the values of a metric's own labels, a sample up to its value, with %s where the aggregate's values go."""

    def __init__(self, name: str, labels: Mapping[str, str], own: Sequence[str]) -> None:
        super().__init__()
        self._name = name
        self._labels = labels
        self._own = own

    def __missing__(self, values: tuple[str, ...]) -> str:
        labels = {**self._labels, **dict(zip(self._own, values, strict=True))}
        self[values] = start = sample_start(self._name, labels).decode().replace("%", "%%").replace(_MARK, "%s")
        return start


@lru_cache(maxsize=4096)
def _starts(name: str, aggregate: tuple[str, ...], own: tuple[str, ...], window: str | None) -> _Starts:
    """All aggregates share them."""
    labels = {**dict.fromkeys(aggregate, _MARK), **({} if window is None else {"window": window})}
    return _Starts(name, labels, own)
