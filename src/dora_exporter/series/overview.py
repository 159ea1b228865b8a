"""Lists all series with their metrics and levels, filtered and sorted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import itemgetter

from dora_exporter.dora.events import DAY_MS, Series
from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.change_failure_rate import rate
from dora_exporter.dora.metrics.change_lead_time import lead_time
from dora_exporter.dora.metrics.deployment_frequency import frequency
from dora_exporter.dora.metrics.failed_deployment_recovery import recovery_time
from dora_exporter.dora.metrics.performance_level import performance_level
from dora_exporter.dora.metrics.readings import WindowReading
from dora_exporter.dora.metrics.time_to_restore import time_to_restore
from dora_exporter.dora.sliding_window import Window
from dora_exporter.runtime.cooperative import in_turns
from dora_exporter.series.engine import Engine
from dora_exporter.series.numbers import Selection, measures_of, rollups_of_latest, select

DAYS_SHOWN = 30
ROLLUPS_SHOWN = 10
_PER_STEP = 64
LARGEST_PAGE = 50

_READS: Mapping[str, WindowReading] = {
    "deployment_frequency": frequency,
    "change_lead_time": lead_time,
    "change_failure_rate": rate,
    "time_to_restore": time_to_restore,
    "failed_deployment_recovery_time": recovery_time,
}
FIGURES = tuple(_READS)
"""The metrics in the list, by the names that levels have."""
ORDERS = ("service", "environment", *FIGURES, "open_incidents")
"""The columns by which series can be sorted."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A value (for durations the median in seconds), and its level from 4 to 1; each None if there is none."""

    value: float | None
    level: int | None


@dataclass(frozen=True, slots=True)
class Day:
    """The deployments that finished in 24 hours, and those of them that failed."""

    deployments: int
    failed: int


@dataclass(frozen=True, slots=True)
class SeriesOverview:
    """A series; ``days`` are the last ones, oldest first."""

    series: Series
    figures: Mapping[str, Figure]
    days: Sequence[Day]
    open_incidents: int
    last_deployment_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuery:
    """The filter and the order of a list. ``text`` is searched in service names; ``page`` starts at 1."""

    window: Window
    edition: str
    text: str = ""
    environment: str = ""
    tier: str = ""
    team: str = ""
    level: int | None = None
    order: str = "change_failure_rate"
    is_descending: bool = True
    page: int = 1


@dataclass(frozen=True, slots=True)
class RollupOverview:
    """A team or a group in an environment."""

    name: str
    environment: str
    figures: Mapping[str, Figure]
    open_incidents: int


@dataclass(frozen=True, slots=True)
class Rollups:
    """The teams or groups with the highest failure rates, and how many there are."""

    rows: Sequence[RollupOverview]
    total: int


@dataclass(frozen=True, slots=True)
class Overview:
    """A page of the matching series, and their sums; ``rollups`` are teams and groups, by kind."""

    rows: Sequence[SeriesOverview]
    total: int
    open_incidents: int
    page: int
    pages: int
    rollups: Mapping[str, Rollups]


Candidate = tuple[Series, Measures]


@dataclass(slots=True)
class Selected:
    """The series that a query selects, and the choices that there are among all."""

    series: list[Candidate] = field(default_factory=list)
    environments: set[str] = field(default_factory=set)


async def selected(engine: Engine, question: SeriesQuery) -> Selected:
    """The series of a query as of the last update of the engine, a few milliseconds at a time."""
    chosen = Selected()
    wanted, tier_of = question.text.casefold(), cache(engine.definitions.catalogue.tier)

    def selecting() -> Iterator[None]:
        for number, (series, measures) in enumerate(_exposed(engine)):
            if question.tier in {"", tier_of(series.environment)}:
                chosen.environments.add(series.environment)
                if wanted in series.service.casefold() and _is_selected(engine, series, measures, question):
                    chosen.series.append((series, measures))
            if number % _PER_STEP == 0:
                yield

    async for _ in in_turns(selecting()):
        pass
    return chosen


def tiers_of(engine: Engine) -> set[str]:
    """The tiers of all series."""
    environments = {series.environment for series in engine.aggregates.series}
    return {engine.definitions.catalogue.tier(each) for each in environments}


async def overview(engine: Engine, question: SeriesQuery, found: list[Candidate]) -> Overview:
    """A page of the selected series, a few milliseconds at a time."""
    pages = max(1, -(-len(found) // LARGEST_PAGE))
    page = min(question.page, pages)
    shown = (await _ordered(found, question))[(page - 1) * LARGEST_PAGE : page * LARGEST_PAGE]
    rows = [_row(each, question) async for each in in_turns(shown)]
    open_incidents = sum(len(measures.open_incidents) for _, measures in found)
    kinds = ["team"] if question.team else ["group", "team"]
    rollups = {kind: await _rollups(engine, question, kind) for kind in kinds}
    return Overview(rows, len(found), open_incidents, page, pages, rollups)


async def _rollups(engine: Engine, question: SeriesQuery, kind: str) -> Rollups:
    """The teams or groups of the tier and the environment, those with the highest failure rate first."""
    wanted = Selection(kind=kind, team=question.team, environment=question.environment, tier=question.tier)
    known: list[tuple[float, RollupOverview]] = []
    async for subject in in_turns(await select(engine, wanted)):
        measures = measures_of(engine, subject)
        if measures is not None:
            its = figures(measures, question.window, question.edition)
            row = RollupOverview(subject.name, subject.environment, its, len(measures.open_incidents))
            known.append((its["change_failure_rate"].value or 0, row))
    known.sort(key=lambda each: (-each[0], each[1].name, each[1].environment))
    return Rollups([row for _, row in known[:ROLLUPS_SHOWN]], len(known))


def figures(measures: Measures, window: Window, edition: str) -> dict[str, Figure]:
    """The metrics of a series in a window, with their levels."""
    levels = {labels[0]: int(value) for labels, value in performance_level(edition).read(measures, window)}
    return {name: Figure(figure_of(name, measures, window), levels.get(name)) for name in FIGURES}


def days(measures: Measures, end_ms: int) -> list[Day]:
    """The last days up to a moment, oldest first."""
    windows = [Window("day", DAY_MS, end_ms - back * DAY_MS) for back in reversed(range(DAYS_SHOWN))]
    return [Day(measures.deployments.count(window), measures.failures(window)) for window in windows]


def _exposed(engine: Engine) -> Iterator[tuple[Series, Measures]]:
    """The series that have labels of their own, by name, with what is measured."""
    for series, aggregate in sorted(engine.aggregates.series.items(), key=itemgetter(0)):
        if engine.aggregates.is_exposed(aggregate):
            yield series, aggregate.measures


def _is_selected(engine: Engine, series: Series, measures: Measures, question: SeriesQuery) -> bool:
    if question.environment and series.environment != question.environment:
        return False
    if question.team and (("team", question.team),) not in rollups_of_latest(engine, series):
        return False
    if question.level is None:
        return True
    found = performance_level(question.edition).read(measures, question.window)
    return any(value == question.level for _, value in found)


async def _ordered(found: list[Candidate], question: SeriesQuery) -> list[Candidate]:
    """The series in the order of the query; those without a value are last in either direction."""
    if question.order in {"service", "environment"}:
        return sorted(
            found,
            key=lambda each: (getattr(each[0], question.order).casefold(), each[0]),
            reverse=question.is_descending,
        )
    known: list[tuple[float, Candidate]] = []
    unknown: list[Candidate] = []
    async for each in in_turns(found):
        value = figure_of(question.order, each[1], question.window)
        if value is None:
            unknown.append(each)
        else:
            known.append((value, each))
    known.sort(key=lambda pair: pair[0], reverse=question.is_descending)
    return [*(each for _, each in known), *unknown]


def _row(candidate: Candidate, question: SeriesQuery) -> SeriesOverview:
    series, measures = candidate
    return SeriesOverview(
        series=series,
        figures=figures(measures, question.window, question.edition),
        days=days(measures, question.window.end_ms),
        open_incidents=len(measures.open_incidents),
        last_deployment_ms=measures.deployments.last,
    )


def figure_of(name: str, measures: Measures, window: Window) -> float | None:
    """A value of ``FIGURES`` or the open incidents; of durations the median in seconds, None without one."""
    if name == "open_incidents":
        return len(measures.open_incidents)
    return next((value for labels, value in _READS[name](measures, window) if labels in {(), ("median",)}), None)
