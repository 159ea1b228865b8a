"""Reads the numbers of series or teams in any windows, now or at instants of the past."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from sys import maxsize

from dora_exporter.dora.catalogue.catalogue import Catalogue
from dora_exporter.dora.events import Event, Series
from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.contract import Metric
from dora_exporter.dora.sliding_window import Window
from dora_exporter.runtime.cooperative import Turn, in_slices, in_turns
from dora_exporter.series.engine import Engine
from dora_exporter.series.explanation_subject import Subject
from dora_exporter.series.membership import Rollup
from dora_exporter.series.number_values import Shown, state_values, values
from dora_exporter.series.past import Past


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which series (``kind`` is service), teams or groups are wanted; an empty name takes all."""

    kind: str = "service"
    service: str = ""
    team: str = ""
    group: str = ""
    environment: str = ""
    tier: str = ""

    @property
    def rollup(self) -> Rollup | None:
        """The team or the group that is asked for."""
        if self.team:
            return (("team", self.team),)
        return (("group", self.group),) if self.group else None

    def by(self, catalogue: Catalogue) -> "Selection":
        """The selection by the names of the catalogue, which numbers have."""
        names = {
            "service": catalogue.service(self.service) if self.service else "",
            "environment": catalogue.environment(self.environment) if self.environment else "",
        }
        return replace(self, **names)

    def admits(self, environment: str, catalogue: Catalogue) -> bool:
        """Whether an environment is wanted."""
        return environment == (self.environment or environment) and self.tier in {"", catalogue.tier(environment)}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of each subject.

    ``windows`` are texts and milliseconds. Without ``instants`` the numbers are those of now. With them each is what
    was known at that instant, unless ``in_hindsight``: then it is what is known now about that time.
    """

    metrics: Sequence[Metric]
    windows: Sequence[tuple[str, int]]
    instants: Sequence[int] = ()
    in_hindsight: bool = False

    def at(self, instant: int) -> list[Window]:
        """The windows that end at an instant."""
        return [Window(text, length, instant) for text, length in self.windows]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The values of a window; ``is_partial`` says that it begins before what is held."""

    window: Window
    is_partial: bool
    values: dict[str, Shown]


@dataclass(slots=True)
class NumbersOf:
    """The numbers of a subject: by window, and within that by instant."""

    subject: Subject
    tier: str
    numbers: list[Numbers] = field(default_factory=list)


async def select(engine: Engine, selection: Selection) -> list[Subject]:
    """The series or teams with an event that are wanted, by name."""
    find = _series if selection.kind == "service" else _rollups
    wanted = selection.by(engine.definitions.catalogue)
    found = [each async for each in in_turns(find(engine, wanted)) if each is not None]
    return sorted(found, key=lambda each: (each.name, each.environment))


async def numbers(engine: Engine, subjects: Sequence[Subject], question: Question) -> list[NumbersOf]:
    """The numbers of some subjects, a few milliseconds at a time."""
    tier = engine.definitions.catalogue.tier
    found = {subject: NumbersOf(subject, tier(subject.environment)) for subject in subjects}
    oldest_ms = engine.windows()[0].end_ms - engine.definitions.retention_ms
    turn = Turn()
    is_settled = await _is_settled(engine, subjects, question)
    async for subject, measures, windows, state in _read(engine, subjects, question, is_settled=is_settled):
        metrics = [each for each in question.metrics if each.is_per_team or subject.kind == "service"]
        states = state_values(metrics, state) if state else {}
        found[subject].numbers.extend(
            Numbers(each, each.start_ms < oldest_ms, values(metrics, measures, each) | states) for each in windows
        )
        if turn.is_over:
            await turn.give()
    return list(found.values())


def measures_of(engine: Engine, subject: Subject) -> Measures | None:
    """What is measured of a subject; None if it has no event."""
    if subject.kind != "service":
        aggregate = engine.aggregates.rollup(((subject.kind, subject.name),), subject.environment)
    else:
        aggregate = engine.aggregates.series.get(Series(subject.name, subject.environment))
    return aggregate.measures if aggregate is not None and aggregate.present > 0 else None


def _series(engine: Engine, selection: Selection) -> Iterator[Subject | None]:
    for series, aggregate in list(engine.aggregates.series.items()):
        is_wanted = (
            aggregate.present > 0
            and selection.admits(series.environment, engine.definitions.catalogue)
            and series.service == (selection.service or series.service)
            and (selection.rollup is None or selection.rollup in rollups_of_latest(engine, series))
        )
        yield Subject("service", *series) if is_wanted else None


def _rollups(engine: Engine, selection: Selection) -> Iterator[Subject | None]:
    wanted = selection.rollup
    for aggregate in list(engine.aggregates.rollups.values()):
        name, environment = aggregate.key[0], aggregate.key[-1]
        is_wanted = (
            aggregate.kind == selection.kind
            and aggregate.present > 0
            and wanted in {None, ((selection.kind, name),)}
            and selection.admits(environment, engine.definitions.catalogue)
        )
        yield Subject(selection.kind, name, environment) if is_wanted else None


def rollups_of_latest(engine: Engine, series: Series) -> Sequence[Rollup]:
    """The team and the groups of the latest deployment of a series."""
    state = engine.state(series)
    latest = state.latest if state else None
    return engine.membership.of(latest) if latest else ()


_Found = tuple[Subject, Measures, Sequence[Window], Measures | None]
"""A subject, what is measured in windows, these, and what is measured of its state at their end, if that is known."""


def _read(
    engine: Engine, subjects: Sequence[Subject], question: Question, *, is_settled: bool
) -> AsyncIterator[_Found]:
    if question.instants and not (question.in_hindsight or is_settled):
        return _at_instants(engine, subjects, question)
    if question.instants or list(question.windows) != list(engine.definitions.windows):
        return _in_copies(engine, subjects, question, has_state=is_settled or not question.instants)
    return _at_now(engine, subjects)


async def _is_settled(engine: Engine, subjects: Sequence[Subject], question: Question) -> bool:
    """Whether what was known at the one instant asked for is what is known now: nothing came or expired since."""
    if len(question.instants) != 1 or question.in_hindsight:
        return False
    instant, now_ms, retention_ms = question.instants[0], engine.windows()[0].end_ms, engine.definitions.retention_ms
    is_concerned = _concerned(engine, subjects)
    async for series, state in in_turns(engine.states().items()):
        has_expired = state.has_between(instant - retention_ms - 1, now_ms - retention_ms)
        if (has_expired or state.has_between(instant, maxsize)) and is_concerned(series):
            return False
    return True


async def _at_now(engine: Engine, subjects: Sequence[Subject]) -> AsyncIterator[_Found]:
    """From the windows that are kept ready for the gauges."""
    async for subject in in_turns(subjects):
        measures = measures_of(engine, subject)
        if measures:
            await _prepared(measures, engine)
            yield subject, measures, engine.windows(), measures


async def _in_copies(
    engine: Engine, subjects: Sequence[Subject], question: Question, *, has_state: bool
) -> AsyncIterator[_Found]:
    """From copies: any window may be asked for, and what is kept ready is for the configured ones."""
    async for subject in in_turns(subjects):
        held = measures_of(engine, subject)
        now_ms = engine.windows()[0].end_ms
        instants = question.instants or (now_ms,)
        longest = max(length for _, length in question.windows)
        if held:
            copy = held.within(Window("", instants[-1] - instants[0] + longest, instants[-1]))
            for instant in instants:
                windows = question.at(instant)
                await in_slices(partial(copy.prepare, windows))
                yield subject, copy, windows, held if has_state else None


async def _at_instants(engine: Engine, subjects: Sequence[Subject], question: Question) -> AsyncIterator[_Found]:
    """From an engine that knows no more than was known at each instant."""
    definitions = replace(engine.definitions, windows=tuple(question.windows), series_limit=maxsize)
    past = Past(definitions, (), question.instants)
    async for event in in_turns(_events(engine, subjects)):
        if event is not None:
            past.add(event)
    await past.load()
    for index, instant in enumerate(question.instants):
        async for _ in in_turns(past.advance(index)):
            pass
        await in_slices(partial(past.engine.update, instant))
        async for subject in in_turns(subjects):
            measures = measures_of(past.engine, subject)
            if measures:
                await _prepared(measures, past.engine)
                yield subject, measures, past.engine.windows(), measures


async def _prepared(measures: Measures, engine: Engine) -> None:
    """Puts large windows in order, a few milliseconds at a time."""
    await in_slices(lambda: measures.prepare(engine.windows()))


def _events(engine: Engine, subjects: Sequence[Subject]) -> Iterator[Event | None]:
    """The events of all series that the subjects are computed from; None for a step without one."""
    is_concerned = _concerned(engine, subjects)
    for series, state in engine.states().items():
        yield None
        if is_concerned(series):
            yield from filter(None, map(engine.as_stored, chain.from_iterable(state.held())))


def _concerned(engine: Engine, subjects: Sequence[Subject]) -> Callable[[Series], bool]:
    """Tells whether subjects are computed from a series."""
    services = {(each.name, each.environment) for each in subjects if each.kind == "service"}
    rollups = {(((each.kind, each.name),), each.environment) for each in subjects if each.kind != "service"}

    def is_concerned(series: Series) -> bool:
        return series in services or (
            bool(rollups) and any((each, series.environment) in rollups for each in _rollups_in(engine, series))
        )

    return is_concerned


def _rollups_in(engine: Engine, series: Series) -> set[Rollup]:
    """The teams and groups that events of a series may belong to."""
    state, membership = engine.state(series), engine.membership
    incidents, teams = (state.incidents.held.values(), state.named_teams()) if state else ((), ())
    found = {each for incident in incidents for each in membership.of_incident(incident)}
    for named in (None, *teams):
        found.update(membership.of_service(series.service, named))
    return found
