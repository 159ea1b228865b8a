"""Performance level: the level of a value in one of DORA's yearly reports."""

from collections.abc import Iterator
from functools import cache

from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.change_failure_rate import rate
from dora_exporter.dora.metrics.change_lead_time import lead_time
from dora_exporter.dora.metrics.contract import Value, WindowMetric
from dora_exporter.dora.metrics.deployment_frequency import frequency
from dora_exporter.dora.metrics.failed_deployment_recovery import recovery_time
from dora_exporter.dora.metrics.report_thresholds import EDITIONS, LEVELS, Edition, Limits
from dora_exporter.dora.metrics.time_to_restore import time_to_restore
from dora_exporter.dora.sliding_window import Window


@cache
def performance_level(edition_name: str) -> WindowMetric:
    """The metric of levels for an edition of ``EDITIONS``; always the same object for the same edition."""
    edition = EDITIONS[edition_name]

    def read(measures: Measures, window: Window) -> Iterator[Value]:
        for name, limits, values in _judged(edition, measures, window):
            for labels, value in values:
                found = level(value, limits) if labels in {(), ("median",)} else None
                if found is not None:
                    yield (name,), found

    return WindowMetric(
        "dora_performance_level",
        f"Level of a metric in DORA's report of {edition_name}: 4 elite performer, 3 high performer, 2 medium "
        "performer, 1 low performer; durations are judged by their median. The scale is open at both ends. Absent "
        "without a value, or in a gap of the report.",
        read,
        labels=("metric",),
    )


def thresholds(edition_name: str) -> Iterator[tuple[str, str, float]]:
    """Metric, level and the worst value that still reaches it: the least frequency, the longest time, the top rate."""
    edition = EDITIONS[edition_name]
    for name, limits in _limits(edition):
        for level_name, range_ in limits.items():
            yield name, level_name, range_.least if name == "deployment_frequency" else range_.most


def level(value: float, limits: Limits) -> int | None:
    """The best level whose range has the value; beyond the published scale its best or worst; None in a gap."""
    reached = [LEVELS[name] for name, range_ in limits.items() if range_.least <= value <= range_.most]
    return max(reached) if reached else _beyond(value, limits)


def _limits(edition: Edition) -> Iterator[tuple[str, Limits]]:
    yield "deployment_frequency", edition.frequency
    yield "change_lead_time", edition.lead_time
    yield "change_failure_rate", edition.failure_rate
    yield "failed_deployment_recovery_time" if edition.recovers_deployments else "time_to_restore", edition.recovery


def _judged(edition: Edition, measures: Measures, window: Window) -> Iterator[tuple[str, Limits, Iterator[Value]]]:
    recovery = recovery_time if edition.recovers_deployments else time_to_restore
    reads = (frequency, lead_time, rate, recovery)
    for (name, limits), read in zip(_limits(edition), reads, strict=True):
        yield name, limits, read(measures, window)


def _beyond(value: float, limits: Limits) -> int | None:
    """The level at the end of the scale that a value lies beyond."""
    numbers = [LEVELS[name] for name in limits]
    ends = min(numbers), max(numbers)
    below, above = ends if _is_more_better(limits) else reversed(ends)
    if value < min(range_.least for range_ in limits.values()):
        return below
    return above if value > max(range_.most for range_ in limits.values()) else None


def _is_more_better(limits: Limits) -> bool:
    """Whether the best range lies above the worst, as only for frequencies."""
    return limits[max(limits, key=LEVELS.__getitem__)].least > limits[min(limits, key=LEVELS.__getitem__)].most
