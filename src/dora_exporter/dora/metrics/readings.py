"""The ways in which metrics read their values from measures.

What is read is named by a lambda of one attribute, which type checkers understand: ``lambda of: of.lead_times``.
"""

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import TypeVar, cast

from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.contract import Value
from dora_exporter.dora.samples import Samples
from dora_exporter.dora.sliding_window import Times, Window

_Held = TypeVar("_Held")
Attribute = Callable[[Measures], _Held]
"""Returns an attribute of measures, or an attribute of that, and does nothing else."""
Count = Callable[[Measures, Window], int]
WindowReading = Callable[[Measures, Window], Iterator[Value]]
StateReading = Callable[[Measures], Iterator[Value]]


class _Path:
    """Stands for measures, and notes which attributes are asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __getattr__(self, name: str) -> "_Path":
        self.names.append(name)
        return self


def _getter(attribute: Attribute[_Held]) -> Attribute[_Held]:
    """The same, without a call in Python for each metric of each series and window."""
    path = _Path()
    attribute(cast("Measures", path))
    return attrgetter(".".join(path.names))


def within(measure: Attribute[Times | Samples]) -> Count:
    """How many moments or samples of a measure lie in the window."""
    held = _getter(measure)
    return lambda measures, window: held(measures).count(window)


def number(count: Count) -> WindowReading:
    """A count."""

    def read(measures: Measures, window: Window) -> Iterator[Value]:
        yield (), count(measures, window)

    return read


def per_day(count: Count) -> WindowReading:
    """A count divided by the length of the window in days."""

    def read(measures: Measures, window: Window) -> Iterator[Value]:
        yield (), count(measures, window) / window.days

    return read


def share(part: Count, whole: Count) -> WindowReading:
    """A count divided by another, 0 to 1; absent where that is 0."""

    def read(measures: Measures, window: Window) -> Iterator[Value]:
        total = whole(measures, window)
        if total:
            yield (), part(measures, window) / total

    return read


def numbers(table: Attribute[Mapping[str, Times]]) -> WindowReading:
    """A count per name in a table of measures, also those that are 0."""
    held = _getter(table)

    def read(measures: Measures, window: Window) -> Iterator[Value]:
        for name, times in held(measures).items():
            yield (name,), times.count(window)

    return read


def statistics(samples: Attribute[Samples]) -> WindowReading:
    """Statistics over the samples of the window; absent without one."""
    held = _getter(samples)

    def read(measures: Measures, window: Window) -> Iterator[Value]:
        for statistic, seconds in held(measures).statistics(window):
            yield (statistic,), seconds

    return read


def statistics_by_name(table: Attribute[Mapping[str, Samples]]) -> WindowReading:
    """Statistics per name in a table of samples; absent for a name without a sample in the window."""
    held = _getter(table)

    def read(measures: Measures, window: Window) -> Iterator[Value]:
        for name, samples in held(measures).items():
            for statistic, seconds in samples.statistics(window):
                yield (name, statistic), seconds

    return read


def size(measure: Attribute[Times | Samples]) -> StateReading:
    """How many moments a measure holds."""
    held = _getter(measure)

    def read(measures: Measures) -> Iterator[Value]:
        yield (), len(held(measures))

    return read


def moment(attribute: Attribute[int | None]) -> StateReading:
    """A moment in seconds since the epoch; absent without one."""
    held = _getter(attribute)

    def read(measures: Measures) -> Iterator[Value]:
        milliseconds = held(measures)
        if milliseconds is not None:
            yield (), milliseconds / 1000

    return read


def latest_moments(table: Attribute[Mapping[str, Times]]) -> StateReading:
    """The latest moment per name in a table of measures, in seconds since the epoch, by name."""
    held = _getter(table)

    def read(measures: Measures) -> Iterator[Value]:
        for name, times in sorted(held(measures).items()):
            if times.last is not None:
                yield (name,), times.last / 1000

    return read
