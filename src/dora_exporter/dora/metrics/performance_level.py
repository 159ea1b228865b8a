"""Performance level: the level of a value in one of DORA's yearly reports."""

from collections.abc import Iterator
from functools import cache

from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.change_failure_rate import rate
from dora_exporter.dora.metrics.change_lead_time import lead_time
from dora_exporter.dora.metrics.contract import Value, WindowMetric
from dora_exporter.dora.metrics.deployment_frequency import frequency
from dora_exporter.dora.metrics.failed_deployment_recovery import recovery_time
from dora_exporter.dora.metrics.report_thresholds import EDITIONS, Edition, Limits, level
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
        "performer, 1 low performer; of times the median is judged. The scale is open at both ends. Absent without a "
        "value, or in a gap of the report.",
        read,
        labels=("metric",),
    )


def thresholds(edition_name: str) -> Iterator[tuple[str, str, float]]:
    """Metric, level and the worst value that still reaches it: the least frequency, the longest time, the top rate."""
    edition = EDITIONS[edition_name]
    for name, limits in _limits(edition):
        for level_name, range_ in limits.items():
            yield name, level_name, range_.least if name == "deployment_frequency" else range_.most


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
