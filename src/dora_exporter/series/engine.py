"""The current value of every metric of every series and team: recomputed where something changed or expired."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from dora_exporter.dora import metrics
from dora_exporter.dora.events import MINUTE_MS, Deployment, Event, Incident, Series
from dora_exporter.dora.failures.classifier import Classifier, Updates
from dora_exporter.dora.failures.contract import Rule
from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.contract import Metric
from dora_exporter.dora.sliding_window import Window
from dora_exporter.dora.store import Change, EventStore
from dora_exporter.exposition.sample_text import line
from dora_exporter.exposition.text_cache import Family, TextCache
from dora_exporter.runtime.clock import stopwatch
from dora_exporter.runtime.cooperative import in_turns
from dora_exporter.series.aggregate import Aggregate
from dora_exporter.series.aggregates import Aggregates
from dora_exporter.series.due_queue import DueQueue
from dora_exporter.series.pending_writes import Pending, homes
from dora_exporter.series.series_state import SeriesState
from dora_exporter.series.teams import Teams

_SERVICE_INFO = Family("dora_service_info", "The team and the repository of a service, from its latest deployment.")
_SLICE_SECONDS = 0.004
_END = object()
_PER_STEP = 64
_FEW_WRITES = 64
_MANY_WRITES = 20_000
_MANY = 64
_MICROSECONDS_PER_WRITE = 64
_MICROSECONDS_PER_EVENT = 6
_MICROSECONDS_TO_RECOUNT = 1
"""What it costs to take a write over, to compute a series anew and to count others again, for each event."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Definitions:
    """What the numbers depend on besides the events. Windows are (text, milliseconds)."""

    windows: Sequence[tuple[str, int]]
    retention_ms: int
    series_limit: int
    attribution_limit_ms: int | None = None
    merge_within_ms: int = 30 * MINUTE_MS
    rules: Sequence[Rule] = ()
    teams: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[Metric] = metrics.ALL


class Engine:
    """Follows a store, and keeps the text of what is exposed.

    ``load`` it once; then ``update`` until it returns True, and the text caches hold the numbers of that moment.
    ``close`` ends that.

    A defect stays in its series: that is computed anew from the store, and is ``broken``, which leaves it out of all
    numbers, if it meets another one. The next write to it has it tried again.
    """

    def __init__(self, store: EventStore, definitions: Definitions) -> None:
        """Reads nothing before ``load``."""
        self._store = store
        self._definitions = definitions
        self._teams = Teams(definitions.teams)
        self._now_ms = 0
        self._written: deque[Change] = deque()
        self._intake = 0
        """How many of them are taken over by what is under way: what comes later waits, so that a round ends."""
        self._is_in_round = False
        self._is_taking_over = False
        self._pending: dict[Series, Pending] = {}
        self._states: dict[Series, SeriesState] = {}
        self._unsettled: dict[Series, None] = {}
        self._seeks: DueQueue[Series] = DueQueue()
        self._expiries: DueQueue[Aggregate] = DueQueue()
        self._work: Iterator[None] = iter(())
        self._subject: Series | Aggregate | None = None
        self._renewing: dict[Series, None] = {}
        """To be computed anew from the store."""
        self._suspects: dict[Series, None] = {}
        """Computed anew after a defect, and not rendered since."""
        self._broken: dict[Series, None] = {}
        self._suspect_aggregates: dict[Aggregate, None] = {}
        self._broken_aggregates: dict[Aggregate, None] = {}
        self.aggregates = Aggregates(ranks=store.series_order, series_limit=definitions.series_limit, teams=self._teams)
        self._team_metrics = [each for each in definitions.metrics if each.is_per_team]
        self.series_text = TextCache([*(Family(each.name, each.help) for each in definitions.metrics), _SERVICE_INFO])
        self.team_text = TextCache([Family(_team_name(each.name), each.help) for each in self._team_metrics])

    async def load(self, now_ms: int) -> None:
        """Reads all that the store holds, a few milliseconds at a time, and follows its changes from then on."""
        self._now_ms = now_ms
        held: list[Event] = [*self._store.deployments.values(), *self._store.incidents.values()]
        self._store.observe(self._note)
        by_series = await _by_series(held)
        del held
        for _ in self._loading(by_series):
            await asyncio.sleep(0)

    def _loading(self, by_series: dict[Series, tuple[list[Deployment], list[Incident]]]) -> Iterator[None]:
        for series in sorted(by_series, key=self._rank):
            self._begin(series, self._load(series, *by_series.pop(series)))
            while not self._work_a_slice(lambda: False):
                yield
        while not self.apply_pending():
            yield

    def close(self) -> None:
        """Follows the store no longer."""
        self._store.ignore(self._note)

    def apply_pending(self) -> bool:
        """Takes over what was written to the store until the first call, a few milliseconds a call; True once it is.

        During a round of ``update`` that is what was written until the round began.
        """
        if not (self._is_in_round or self._is_taking_over):
            self._is_taking_over, self._intake = True, len(self._written)
        is_done = self._work_a_slice(self._next_write)
        self._is_taking_over = self._is_taking_over and not is_done
        return is_done

    def update(self, now_ms: int) -> bool:
        """Brings the text caches to a moment, a few milliseconds a call; True when nothing is left to do.

        What is written after the first call of such a round waits for the next one, or endless writes would keep it
        from ending. The moment may lie before the last one: clocks are set back.
        """
        if not self._is_in_round:
            self._is_in_round, self._intake = True, len(self._written)
        if now_ms < self._now_ms:
            self._unsettled.update(dict.fromkeys(self._states))
            self._mark_all_aggregates()
        self._now_ms = now_ms
        self._unsettled.update(dict.fromkeys(self._seeks.due(now_ms)))
        self.aggregates.changed.update(dict.fromkeys(self._expiries.due(now_ms)))
        if not self._work_a_slice(self._next_step):
            return False
        self._is_in_round = self._is_taking_over = False
        return True

    def windows(self) -> list[Window]:
        """The windows as of the moment of the last update."""
        return [Window(text, length, self._now_ms) for text, length in self._definitions.windows]

    def is_superseded(self, deployment: Deployment) -> bool:
        """Whether another report of the same deployment counts in its place."""
        self.apply_pending()
        state = self._states.get(deployment.series)
        return state is not None and state.is_superseded(deployment)

    def state(self, series: Series) -> SeriesState | None:
        """The events of a series, as of the last update; None when it has none."""
        return self._states.get(series)

    def states(self) -> dict[Series, SeriesState]:
        """The events of all series, as of the last update."""
        return dict(self._states)

    def teams_of(self, event: Event) -> tuple[str, ...]:
        """The teams that an event belongs to."""
        return self._teams.of(event)

    def exposed(self) -> Iterator[tuple[Series, Measures]]:
        """The series that have labels of their own, by name, with what is measured."""
        for series, aggregate in sorted(self.aggregates.series.items(), key=lambda item: item[0]):
            if self.aggregates.is_exposed(aggregate):
                yield series, aggregate.measures

    @property
    def pending_writes(self) -> int:
        """How many writes are not taken over yet."""
        return len(self._written) + sum(map(len, self._pending.values()))

    @property
    def is_behind(self) -> bool:
        """Whether so much was written that nobody should wait for it."""
        return self.pending_writes > _MANY_WRITES

    @property
    def broken_series(self) -> int:
        """How many series, and how many teams, have no gauges because their computation fails."""
        return len(self._broken) + len(self._broken_aggregates)

    def is_broken(self, series: Series) -> bool:
        """Whether a series has no gauges because its computation fails."""
        return series in self._broken

    @property
    def series(self) -> int:
        """Distinct series with at least one event."""
        return len(self.aggregates.folding)

    @property
    def series_folded(self) -> int:
        """Those beyond the limit."""
        return self.aggregates.folding.folded

    @property
    def teams(self) -> int:
        """Distinct teams and environments with at least one event."""
        return len(self.aggregates.team_folding)

    @property
    def teams_folded(self) -> int:
        """Those beyond the limit."""
        return self.aggregates.team_folding.folded

    @property
    def series_limit(self) -> int:
        """How many series are exposed by name."""
        return self._definitions.series_limit

    @property
    def lead_time_commits_dropped(self) -> Mapping[str, int]:
        """Commits that are no lead time sample, by cause."""
        return {"negative": sum(aggregate.measures.dropped for aggregate in self.aggregates.series.values())}

    # One thing at a time, a step at a time

    def _begin(self, subject: Series | Aggregate | None, work: Iterator[None]) -> None:
        """Begins to work on a series or an aggregate; nothing else is touched until that is done."""
        self._subject, self._work = subject, work

    def _advance(self, following: Callable[[], bool]) -> bool:
        """Works a step, or begins what follows; False when nothing is left to do. A defect stays where it is met."""
        try:
            if next(self._work, _END) is not _END:
                return True
        except Exception as defect:  # noqa: BLE001  # whatever it is, all other series are to be as they were
            self._contain(defect)
            return True
        self._begin(None, iter(()))
        return following()

    def _work_a_slice(self, following: Callable[[], bool]) -> bool:
        """Works for a few milliseconds; True when nothing is left to do."""
        end = stopwatch() + _SLICE_SECONDS
        while stopwatch() < end:
            if not self._advance(following):
                return True
        return False

    def _next_write(self) -> bool:
        """Begins with what was written; False when there is nothing."""
        if self._intake:
            self._begin(None, self._take_in(self._intake))
        elif self._renewing or self.aggregates.is_astray:
            self._begin(None, self._renew())
        elif self._pending:
            self._begin_to_follow()
        elif self.aggregates.is_waiting:
            self._begin(None, self.aggregates.end_loading())
        else:
            return False
        return True

    def _next_step(self) -> bool:
        """Begins with what is next; False when there is nothing."""
        if self._next_write():
            return True
        if self._unsettled:
            series, _ = self._unsettled.popitem()
            if series in self._states:
                self._begin(series, self._settle(series))
        elif self.aggregates.changed:
            aggregate, _ = self.aggregates.changed.popitem()
            self._begin(aggregate, self._render(aggregate))
        else:
            return False
        return True

    # Defects

    def _contain(self, defect: Exception) -> None:
        """Leaves a defect in the series, or the aggregate, that met it."""
        subject = self._subject
        self._begin(None, iter(()))
        if isinstance(subject, Aggregate) and self.aggregates.series.get(Series(*subject.key)) is subject:
            subject = Series(*subject.key)
        if isinstance(subject, Aggregate):
            self._leave_out(subject, defect)
        elif subject is not None:
            self._damage(subject, defect)
        else:
            logger.error("aggregates recomputed after an internal error", exc_info=defect)
            self.aggregates.is_astray = not self.aggregates.is_astray  # it does not help where counting is what fails

    def _leave_out(self, aggregate: Aggregate, defect: Exception) -> None:
        """An aggregate that adds up series cannot be rendered: it is counted anew, or has no lines until it can be."""
        if aggregate not in self._suspect_aggregates and aggregate not in self._broken_aggregates:
            self._suspect_aggregates[aggregate] = self.aggregates.changed[aggregate] = None
            self.aggregates.is_astray = True
            logger.error("aggregate recomputed after an internal error %s", _named(aggregate.labels), exc_info=defect)
            return
        self._suspect_aggregates.pop(aggregate, None)
        if aggregate not in self._broken_aggregates:
            self._broken_aggregates[aggregate] = None
            logger.error(
                "aggregate has no metrics after an internal error %s", _named(aggregate.labels), exc_info=defect
            )
        (self.team_text if "team" in aggregate.labels else self.series_text).drop(aggregate.key)

    def _damage(self, series: Series, defect: Exception) -> None:
        """A series met a defect: it is computed anew, or was so already, and is left out of all numbers."""
        self._forget(series)
        self.aggregates.is_astray = True
        if series not in self._suspects:
            logger.error("series recomputed after an internal error %s", _named(series._asdict()), exc_info=defect)
            self._suspects[series] = self._renewing[series] = None
            return
        del self._suspects[series]
        if series not in self._broken:
            self._broken[series] = None
            logger.error("series has no metrics after an internal error %s", _named(series._asdict()), exc_info=defect)

    def _is_whole(self, series: Series) -> None:
        """A series was computed and rendered without a defect."""
        self._suspects.pop(series, None)
        if series in self._broken:
            del self._broken[series]
            logger.warning("series recovered %s", _named(series._asdict()))

    def _renew(self) -> Iterator[None]:
        """Computes series anew from the store, and what adds up series from what the others have told."""
        renewed = dict(self._renewing)
        for series in renewed:
            self._pending.pop(series, None)
            self._forget(series)
        held: Iterable[Event] = chain(list(self._store.deployments.values()), list(self._store.incidents.values()))
        # This holds what was written by now; what is written from here on is sorted in afterwards.
        yield from self._sort_in(len(self._written), except_for=renewed)
        yield from self._recount()
        by_series: dict[Series, tuple[list[Deployment], list[Incident]]] = {each: ([], []) for each in renewed}
        for number, event in enumerate(held):
            for series in homes(event):
                if series in by_series:
                    deployments, incidents = by_series[series]
                    deployments.append(event) if isinstance(event, Deployment) else incidents.append(event)
            if number % _PER_STEP == 0:
                yield
        for series, events in by_series.items():
            del self._renewing[series]
            self._subject = series
            yield from self._load(series, *events)

    def _recount(self) -> Iterator[None]:
        """Has every series tell again what teams and the surplus add up."""
        self.aggregates.recount()
        for series, state in self._states.items():
            self._subject = series
            yield
            yield from self.aggregates.retell(series, state)
        self._subject = None
        self.aggregates.is_astray = False

    def _forget(self, series: Series) -> None:
        """Drops what was computed of a series."""
        self._states.pop(series, None)
        self._unsettled.pop(series, None)
        self._seeks.forget(series)
        aggregate = self.aggregates.drop(series)
        if aggregate:
            self._expiries.forget(aggregate)
            self.series_text.drop(aggregate.key)

    # What was written

    def _load(self, series: Series, deployments: list[Deployment], incidents: list[Incident]) -> Iterator[None]:
        """Fills a series of which nothing is known with all of its events."""
        yield from self._state(series).loading(deployments, incidents, self._now_ms)
        self._unsettled[series] = None

    def _take_in(self, count: int) -> Iterator[None]:
        """Sorts writes by series, and chooses how each series takes them over."""
        yield from self._sort_in(count)
        self._choose_what_to_renew()

    def _sort_in(self, count: int, except_for: Collection[Series] = ()) -> Iterator[None]:
        """Sorts the oldest writes by series; those to some series are in them already."""
        for number in range(count):
            before, after = self._written.popleft()
            self._intake = max(self._intake - 1, 0)
            if before is not after:
                was, is_ = set(homes(before) if before else ()), list(homes(after) if after else ())
                for series in is_:
                    if series not in except_for:
                        self._pending_of(series).add(before if series in was else None, after)
                for series in was.difference(is_):
                    if series not in except_for:
                        self._pending_of(series).add(before, None)
            if number % _PER_STEP == _PER_STEP - 1:
                yield

    def _choose_what_to_renew(self) -> None:
        """Has series computed anew in which so much was written that to take it over would cost more."""
        saved = -_MICROSECONDS_TO_RECOUNT * (len(self._store.deployments) + len(self._store.incidents))
        chosen = []
        for series, pending in self._pending.items():
            state = self._states.get(series)
            gain = _MICROSECONDS_PER_WRITE * len(pending)
            if (
                state is not None
                and len(pending) > _FEW_WRITES
                and gain > _MICROSECONDS_PER_EVENT * (len(pending) + state.size)
            ):
                chosen.append(series)
                saved += gain - _MICROSECONDS_PER_EVENT * (len(pending) + state.size)
        if saved > 0:
            self._renewing.update(dict.fromkeys(chosen))

    def _pending_of(self, series: Series) -> Pending:
        pending = self._pending.get(series)
        if pending is None:
            pending = self._pending[series] = Pending()
        return pending

    def _begin_to_follow(self) -> None:
        """Begins to take over the writes to a series."""
        series = next(iter(self._pending))
        pending = self._pending.pop(series)
        state = self._states.get(series)
        if series in self._broken:
            self._suspects[series] = self._renewing[series] = None
        elif state is None:
            self._begin(series, self._load(series, *pending.events()))
        else:
            self._begin(series, self._follow(series, state, pending))

    def _follow(self, series: Series, state: SeriesState, pending: Pending) -> Iterator[None]:
        """Takes writes to a series over, one by one."""
        for before, after in pending.changes():
            for event in (before, after):
                while event and not state.classifier.in_order.prepare(event):
                    yield
            if before:
                state.remove(before)
            if after:
                state.add(after)
            yield
        self._unsettled[series] = None

    def _state(self, series: Series) -> SeriesState:
        state = self._states.get(series)
        if state is None:
            state = self._states[series] = self._new_state(self.aggregates.updates(series))
        return state

    def _new_state(self, updates: Updates) -> SeriesState:
        classifier = Classifier(
            rules=self._definitions.rules,
            attribution_limit_ms=self._definitions.attribution_limit_ms,
            find=self._store.deployments.get,
            updates=updates,
        )
        return SeriesState(
            classifier,
            updates,
            retention_ms=self._definitions.retention_ms,
            merge_within_ms=self._definitions.merge_within_ms,
        )

    def _note(self, changes: Sequence[Change]) -> None:
        """Notes writes, to be taken over later: many at once must not wait for what each means."""
        self._written.extend(changes)

    def _rank(self, series: Series) -> int:
        return self._store.series_order.get(series, -1)

    # What changed

    def _settle(self, series: Series) -> Iterator[None]:
        state = self._states[series]
        while not state.prepare(self._now_ms):
            yield
        yield from state.seeking(self._now_ms)
        self._seeks.schedule(series, state.next_change)
        if state.is_empty:
            self._forget(series)
        if state.is_empty or not series.service:
            self._is_whole(series)

    def _render(self, aggregate: Aggregate) -> Iterator[None]:
        """Computes an aggregate's lines, a family at a time, and puts them into the text that it belongs to at once."""
        is_team = "team" in aggregate.labels
        text = self.team_text if is_team else self.series_text
        if self.aggregates.is_exposed(aggregate):
            windows = self.windows()
            lines = []
            for index, metric in enumerate(self._team_metrics if is_team else self._definitions.metrics):
                lines.append(aggregate.lines(metric, text.families[index].name, windows))
                yield
            if not is_team:
                lines.append(self._service_info(aggregate))
            for index, its in enumerate(lines):
                text.set(index, aggregate.key, its)
            self._expiries.schedule(aggregate, aggregate.measures.changes_after(windows))
            if windows != self.windows():  # time went on meanwhile, and what became due was asked for before this
                self.aggregates.changed[aggregate] = None
        else:
            text.drop(aggregate.key)
            if self.aggregates.forget_team(aggregate):
                self._expiries.forget(aggregate)
        self._suspect_aggregates.pop(aggregate, None)
        self._broken_aggregates.pop(aggregate, None)
        if self.aggregates.series.get(Series(*aggregate.key)) is aggregate:
            self._is_whole(Series(*aggregate.key))

    def _service_info(self, aggregate: Aggregate) -> bytes:
        state = self._states.get(Series(*aggregate.key))
        latest = state.latest if state else None
        if aggregate is self.aggregates.surplus or latest is None:
            return b""
        described = {"team": self._teams.of_deployment(latest) or "", "repository": latest.repository or ""}
        return line(_SERVICE_INFO.name, {**aggregate.labels, **described}, 1)

    def _mark_all_aggregates(self) -> None:
        self.aggregates.changed.update(dict.fromkeys(self.aggregates.aggregates()))


async def _by_series(held: list[Event]) -> dict[Series, tuple[list[Deployment], list[Incident]]]:
    """The events of each series, sorted out in slices."""
    by_series: defaultdict[tuple[str, str], tuple[list[Deployment], list[Incident]]] = defaultdict(lambda: ([], []))
    async for event in in_turns(held):
        if isinstance(event, Deployment):
            by_series[event.service, event.environment][0].append(event)
        else:
            for series in homes(event):
                by_series[series][1].append(event)
    return {Series(*names): events for names, events in by_series.items()}


def _team_name(name: str) -> str:
    return name.replace("dora_", "dora_team_", 1)


def _named(labels: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value!r}" for name, value in labels.items())
