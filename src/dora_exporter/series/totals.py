"""Adds up the numbers of many series in several windows, for a summary of all."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from operator import add

from dora_exporter.dora.measures import Measures
from dora_exporter.dora.middle import middle_in_steps
from dora_exporter.dora.samples import Samples, median_seconds
from dora_exporter.dora.sliding_window import Times, Window


class Totals:
    """Sums and pooled samples of windows: ``add`` every series, then go through ``settling``, then read ``figures``.

    All is gathered by the parts into which the edges of the windows divide the time: a series is looked through once.
    """

    def __init__(self, windows: Sequence[Window], recovery: str) -> None:
        """Nothing yet. ``recovery`` is the number that says how fast one recovers."""
        self.windows = windows
        self._recovery = recovery
        self._edges = sorted({edge for each in windows for edge in (each.start_ms, each.end_ms)})
        self._deployments = [0] * len(self._edges)
        self._failed = [0] * len(self._edges)
        """Until each edge."""
        self._lead_times, self._recoveries = self._no_samples(), self._no_samples()
        self._medians: list[tuple[float | None, float | None]] = []

    def add(self, measures: Measures) -> None:
        """Adds a series."""
        self._deployments = self._plus(self._deployments, measures.deployments)
        for failed in measures.causes.values():
            self._failed = self._plus(self._failed, failed)
        self._pool(self._lead_times, measures.lead_times)
        is_of_deployments = self._recovery.startswith("failed")
        self._pool(self._recoveries, measures.recoveries if is_of_deployments else measures.restores)

    def settling(self) -> Iterator[None]:
        """Finds the medians, some milliseconds a step."""
        for window in self.windows:
            lead_time = yield from middle_in_steps(self._samples_in(window, self._lead_times))
            recovery = yield from middle_in_steps(self._samples_in(window, self._recoveries))
            self._medians.append((median_seconds(lead_time), median_seconds(recovery)))
            yield

    def figures(self, index: int) -> Mapping[str, float | None]:
        """The numbers of a window; times are medians in seconds, None where there is nothing to compute one of."""
        window, (lead_time, recovery) = self.windows[index], self._medians[index]
        first, last = self._bounds(window)
        deployments = self._deployments[last] - self._deployments[first]
        failed = self._failed[last] - self._failed[first]
        return {
            "deployment_frequency": deployments / window.days,
            "change_lead_time": lead_time,
            "change_failure_rate": failed / deployments if deployments else None,
            self._recovery: recovery,
        }

    def _no_samples(self) -> "list[array[int]]":
        return [array("q") for _ in self._edges[1:]]

    def _plus(self, counts: list[int], times: Times) -> list[int]:
        return list(map(add, counts, times.counts_until(self._edges))) if len(times) else counts

    def _pool(self, pooled: "list[array[int]]", samples: Samples) -> None:
        if len(samples):
            for part, values in zip(pooled, samples.values_between(self._edges), strict=True):
                part.extend(values)

    def _samples_in(self, window: Window, pooled: "list[array[int]]") -> "array[int]":
        first, last = self._bounds(window)
        samples = array("q")
        for part in pooled[first:last]:
            samples.extend(part)
        return samples

    def _bounds(self, window: Window) -> tuple[int, int]:
        return self._edges.index(window.start_ms), self._edges.index(window.end_ms)
