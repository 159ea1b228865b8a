"""The four numbers of each series for the page."""

from collections.abc import Iterator

from dora_exporter.history import History
from dora_exporter.metrics.change_failure_rate import rate
from dora_exporter.metrics.change_lead_time import lead_time
from dora_exporter.metrics.deployment_frequency import frequency
from dora_exporter.metrics.metric import Value
from dora_exporter.metrics.time_to_restore import time_to_restore
from dora_exporter.readings import Readings
from dora_exporter.tracks import Window
from dora_exporter.web.index import FourNumbers, SeriesRow


def rows(readings: Readings) -> Iterator[SeriesRow]:
    """The exposed series by name, as of the last update."""
    windows = readings.windows()
    for series, history in readings.exposed():
        yield SeriesRow(
            series.service, series.environment, {window.text: _numbers(history, window) for window in windows}
        )


def _numbers(history: History, window: Window) -> FourNumbers:
    return FourNumbers(
        deployments_per_day=_first(frequency(history, window)),
        lead_time_seconds=_first(value for value in lead_time(history, window) if value[0] == ("median",)),
        change_failure_ratio=_first(rate(history, window)),
        time_to_restore_seconds=_first(value for value in time_to_restore(history, window) if value[0] == ("median",)),
    )


def _first(values: Iterator[Value]) -> float | None:
    for _, value in values:
        return value
    return None
