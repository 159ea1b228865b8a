"""Gauges without labels, made when they are collected."""

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily


def gauge(name: str, documentation: str, value: float | None) -> Metric:
    """A gauge without labels, which has no sample when there is no value."""
    family = GaugeMetricFamily(name, documentation)
    if value is not None:
        family.add_metric((), value)
    return family


def seconds(milliseconds: int | None) -> float | None:
    """Milliseconds since the epoch, as Prometheus counts time."""
    return None if milliseconds is None else milliseconds / 1000
