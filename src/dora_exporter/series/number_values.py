"""The values of every metric in a window, with null for what is unknown."""

from collections.abc import Iterable, Mapping, Sequence

from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.contract import Metric, Value, WindowMetric
from dora_exporter.dora.sliding_window import Window

Number = float | None
Shown = Number | dict[str, Number | dict[str, Number]]
"""A number, or numbers by the values of the gauge's own labels."""

STATISTICS = ("mean", "median", "p90")
SAMPLES = {
    "dora_change_lead_time_seconds": "lead_times",
    "dora_time_to_restore_seconds": "restores",
    "dora_failed_deployment_recovery_time_seconds": "recoveries",
}
"""The samples of each duration, by the name of its gauge."""


def values(metrics: Sequence[Metric], measures: Measures, window: Window) -> dict[str, Shown]:
    """The values of gauges in a window; those without a window are left out."""
    return {
        each.name: shown(each, each.read(measures, window), measures, window)
        for each in metrics
        if isinstance(each, WindowMetric)
    }


def state_values(metrics: Sequence[Metric], measures: Measures) -> dict[str, Shown]:
    """The values of gauges that have no window."""
    return {
        each.name: _by_labels(each.labels, each.read(measures))
        for each in metrics
        if not isinstance(each, WindowMetric)
    }


def shown(metric: WindowMetric, found: Iterable[Value], measures: Measures, window: Window) -> Shown:
    """The values of a gauge; of a duration also the number of its samples."""
    if metric.labels != ("statistic",):
        return _by_labels(metric.labels, found)
    statistics: dict[str, Number | dict[str, Number]] = dict.fromkeys(STATISTICS)
    statistics.update((labels[0], value) for labels, value in found)
    if metric.name in SAMPLES:
        statistics["samples"] = getattr(measures, SAMPLES[metric.name]).count(window)
    return statistics


def _by_labels(labels: Sequence[str], found: Iterable[Value]) -> Shown:
    known: Mapping[tuple[str, ...], float] = dict(found)
    if not labels:
        return known.get(())
    if len(labels) == 1:
        return {label: value for (label,), value in known.items()}
    nested: dict[str, Number | dict[str, Number]] = {}
    for (first, second), value in known.items():
        inner = nested.setdefault(first, {})
        if isinstance(inner, dict):
            inner[second] = value
    return nested
