"""The ways in which metrics read their values from measures, by the name of a measure or of an attribute of one."""

from collections.abc import Callable, Iterator
from operator import attrgetter

from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.contract import Value
from dora_exporter.dora.sliding_window import Window

Count = Callable[[Measures, Window], int]
WindowReading = Callable[[Measures, Window], Iterator[Value]]
StateReading = Callable[[Measures], Iterator[Value]]


def within(measure: str) -> Count:
    """How many moments or samples of a measure lie in the window."""
    held = attrgetter(measure)
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


def numbers(table: str) -> WindowReading:
    """A count per name in a table of measures, also those that are 0."""
    held = attrgetter(table)

    def read(measures: Measures, window: Window) -> Iterator[Value]:
        for name, times in held(measures).items():
            yield (name,), times.count(window)

    return read


def statistics(samples: str) -> WindowReading:
    """Statistics over the samples of the window; absent without one."""
    held = attrgetter(samples)

    def read(measures: Measures, window: Window) -> Iterator[Value]:
        for statistic, seconds in held(measures).statistics(window):
            yield (statistic,), seconds

    return read


def statistics_by_name(table: str) -> WindowReading:
    """Statistics per name in a table of samples; absent for a name without a sample in the window."""
    held = attrgetter(table)

    def read(measures: Measures, window: Window) -> Iterator[Value]:
        for name, samples in held(measures).items():
            for statistic, seconds in samples.statistics(window):
                yield (name, statistic), seconds

    return read


def size(measure: str) -> StateReading:
    """How many moments a measure holds."""
    held = attrgetter(measure)

    def read(measures: Measures) -> Iterator[Value]:
        yield (), len(held(measures))

    return read


def moment(attribute: str) -> StateReading:
    """A moment in seconds since the epoch; absent without one."""
    held = attrgetter(attribute)

    def read(measures: Measures) -> Iterator[Value]:
        milliseconds = held(measures)
        if milliseconds is not None:
            yield (), milliseconds / 1000

    return read


def latest_moments(table: str) -> StateReading:
    """The latest moment per name in a table of measures, in seconds since the epoch, by name."""
    held = attrgetter(table)

    def read(measures: Measures) -> Iterator[Value]:
        for name, times in sorted(held(measures).items()):
            if times.last is not None:
                yield (name,), times.last / 1000

    return read
