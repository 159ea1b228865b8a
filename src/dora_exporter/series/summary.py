"""Summarises many series: the four metrics and their previous values, charts over time, and what needs attention."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dora_exporter.dora.events import DAY_MS, Series
from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.report_thresholds import EDITIONS
from dora_exporter.dora.sliding_window import Window
from dora_exporter.runtime.cooperative import in_turns
from dora_exporter.series.attention import Finding, chosen, findings
from dora_exporter.series.totals import Totals

LINE_DAYS, POINTS = 90, 18

Candidates = Sequence[tuple[Series, Measures]]


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of a window and of the one before, and what is found in it."""

    figures: Mapping[str, float | None]
    before: Mapping[str, float | None]
    findings: Sequence[Finding]


def recovery_of(edition: str) -> str:
    """The number that says how fast one recovers, in a report of DORA's."""
    return "failed_deployment_recovery_time" if EDITIONS[edition].recovers_deployments else "time_to_restore"


async def summary(found: Candidates, window: Window, edition: str) -> Summary:
    """Summarises series, a few milliseconds at a time."""
    before = Window(window.text, window.length_ms, window.start_ms)
    totals = Totals((window, before), recovery_of(edition))
    attention: list[Finding] = []

    async for series, measures in in_turns(found):
        totals.add(measures)
        attention.extend(findings(series, measures, window))
    async for _ in in_turns(totals.settling()):
        pass
    return Summary(totals.figures(0), totals.figures(1), chosen(attention))


async def lines(found: Candidates, end_ms: int, edition: str) -> Mapping[str, Sequence[float | None]]:
    """The last 90 days of the same numbers, oldest first, in windows of five days that follow each other."""
    totals = Totals(list(_slices(end_ms)), recovery_of(edition))
    async for _, measures in in_turns(found):
        totals.add(measures)
    async for _ in in_turns(totals.settling()):
        pass
    points = [totals.figures(index) for index in range(POINTS)]
    return {name: [point[name] for point in points] for name in points[0]}


def _slices(end_ms: int) -> Iterator[Window]:
    length = LINE_DAYS * DAY_MS // POINTS
    for back in reversed(range(POINTS)):
        yield Window("", length, end_ms - back * length)
