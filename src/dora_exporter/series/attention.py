"""Finds what needs attention in series, by rules, and how much."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dora_exporter.dora.events import DAY_MS, Series
from dora_exporter.dora.measures import CAUSES, Measures
from dora_exporter.dora.middle import middle
from dora_exporter.dora.samples import Samples, median_seconds
from dora_exporter.dora.sliding_window import Window

LEAST_DEPLOYMENTS = 5
LEAST_SAMPLES = 3
MOST, LEAST = 7, 3
"""How many findings are shown: the highest of every kind fill up to the least."""
_WORSE_RATE, _WORSE_TIMES = 0.1, 2.0
_OVERDUE_TIMES, _OVERDUE_LEAST_MS = 4, 7 * DAY_MS
_USUAL_MS = 90 * DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a series, by its kind; ``weight`` orders findings, those from 1 on need attention.

    ``value`` is what is, ``before`` what was in the window before, or is usual: counts, rates or seconds. ``count`` and
    ``of`` say of how many; ``cause`` is the most frequent one.
    """

    kind: str
    series: Series
    weight: float
    value: float
    before: float | None = None
    count: int = 0
    of: int = 0
    cause: str | None = None


def findings(series: Series, measures: Measures, window: Window) -> Iterator[Finding]:
    """What is to be said about a series in a window, compared with the one of equal length before."""
    before = Window(window.text, window.length_ms, window.start_ms)
    yield from _open(series, measures, window.end_ms)
    yield from _failing(series, measures, window, before)
    yield from _overdue(series, measures, window.end_ms)
    for kind, samples, least in (
        ("slow_lead_time", measures.lead_times, LEAST_DEPLOYMENTS),
        ("slow_restore", measures.restores, LEAST_SAMPLES),
    ):
        yield from _slow(kind, series, samples, (window, before), least)


def chosen(found: Iterable[Finding]) -> Sequence[Finding]:
    """The findings to show, worst first: those that need attention, and the highest of others if these are few."""
    ordered = sorted(found, key=lambda each: (-each.weight, each.series, each.kind))
    needed = [each for each in ordered if each.weight >= 1]
    if len(needed) >= LEAST:
        return needed[:MOST]
    highest = {each.kind: each for each in reversed(ordered) if each.weight < 1}
    return [*needed, *sorted(highest.values(), key=lambda each: -each.weight)][:LEAST]


def _open(series: Series, measures: Measures, now_ms: int) -> Iterator[Finding]:
    first = measures.open_incidents.first
    if first is not None:
        days = (now_ms - first) / DAY_MS
        count = len(measures.open_incidents)
        yield Finding(kind="open", series=series, weight=4 + min(days, 30) / 30, value=days * 86_400, count=count)


def _failing(series: Series, measures: Measures, window: Window, before: Window) -> Iterator[Finding]:
    failed = measures.failures(window)
    deployments = measures.deployments.count(window) if failed else 0
    if deployments < LEAST_DEPLOYMENTS:
        return
    rate, earlier = failed / deployments, measures.deployments.count(before)
    rate_before = measures.failures(before) / earlier if earlier >= LEAST_DEPLOYMENTS else None
    is_worse = rate_before is not None and rate - rate_before >= _WORSE_RATE
    cause = max(CAUSES, key=lambda each: measures.causes[each].count(window))
    yield Finding(
        kind="failing",
        series=series,
        weight=(2 + rate - (rate_before or 0)) if is_worse else rate / 2,
        value=rate,
        before=rate_before,
        count=failed,
        of=deployments,
        cause=cause,
    )


def _overdue(series: Series, measures: Measures, now_ms: int) -> Iterator[Finding]:
    last = measures.deployments.last
    if last is None or now_ms - last < _OVERDUE_LEAST_MS:
        return
    count = measures.deployments.count(Window("", _USUAL_MS, last))
    since, usual = now_ms - last, _USUAL_MS / max(count, 1)
    if count >= LEAST_DEPLOYMENTS and since >= _OVERDUE_TIMES * usual:
        weight = 1 + min(since / usual / 100, 0.9)
        yield Finding(kind="overdue", series=series, weight=weight, value=since / 1000, before=usual / 1000)


def _slow(kind: str, series: Series, samples: Samples, windows: tuple[Window, Window], least: int) -> Iterator[Finding]:
    count = samples.count(windows[0])
    if count < least:
        return
    value = dict(samples.statistics(windows[0])).get("median")  # the engine keeps what is in the windows in order
    before = samples.values_in(windows[1])
    value_before = median_seconds(middle(before)) if len(before) >= least else None
    if not value:
        return
    is_worse = value_before is not None and value >= _WORSE_TIMES * max(value_before, 3600)
    weight = 1 + min(value / value_before / 100, 0.9) if is_worse and value_before else min(value / 1e8, 0.4)
    yield Finding(kind=kind, series=series, weight=weight, value=value, before=value_before, count=count)
