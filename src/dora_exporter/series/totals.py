"""Adds up the numbers of many series in several windows, for a summary of all."""

from collections.abc import Iterator, Mapping, Sequence

from dora_exporter.dora.measures import Measures
from dora_exporter.dora.sliding_window import Samples, Window, median_seconds
from dora_exporter.dora.sorted_in_steps import sorted_in_steps


class Totals:
    """Sums and pooled samples, window by window: ``add`` every series, then ``settle``, then read ``figures``."""

    def __init__(self, windows: Sequence[Window], recovery: str) -> None:
        """Nothing yet. ``recovery`` is the number that says how fast one recovers."""
        self.windows = windows
        self._recovery = recovery
        self._deployments = [0] * len(windows)
        self._failed = [0] * len(windows)
        self._lead_times: list[list[int]] = [[] for _ in windows]
        self._recoveries: list[list[int]] = [[] for _ in windows]

    def add(self, measures: Measures) -> None:
        """Adds a series."""
        recoveries = measures.recoveries if self._recovery.startswith("failed") else measures.restores
        has_failures = any(map(len, measures.causes.values()))
        for index, window in enumerate(self.windows):
            self._deployments[index] += measures.deployments.count(window)
            if has_failures:
                self._failed[index] += measures.failures(window)
            self._pool(self._lead_times[index], measures.lead_times, window)
            self._pool(self._recoveries[index], recoveries, window)

    def settling(self) -> Iterator[None]:
        """Puts the samples in order, some milliseconds a step."""
        for table in (self._lead_times, self._recoveries):
            for index, samples in enumerate(table):
                table[index] = yield from sorted_in_steps(samples)

    def figures(self, index: int) -> Mapping[str, float | None]:
        """The numbers of a window; times are medians in seconds, None where there is nothing to compute one of."""
        deployments = self._deployments[index]
        return {
            "deployment_frequency": deployments / self.windows[index].days,
            "change_lead_time": median_seconds(self._lead_times[index]),
            "change_failure_rate": self._failed[index] / deployments if deployments else None,
            self._recovery: median_seconds(self._recoveries[index]),
        }

    @staticmethod
    def _pool(pooled: list[int], samples: Samples, window: Window) -> None:
        if len(samples):
            pooled.extend(samples.values_in(window))
