"""The numbers of every series and team, kept current: computed anew where something changed or expired."""

import logging
from collections.abc import Callable, Iterator

from dora_exporter.dora.catalogue.catalogue import Appearances
from dora_exporter.dora.changes import Renew
from dora_exporter.dora.events import Deployment, Event, Series
from dora_exporter.dora.sliding_window import Window
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Stopwatch, stopwatch
from dora_exporter.runtime.cooperative import in_slices
from dora_exporter.series.aggregate import Aggregate
from dora_exporter.series.aggregates import Aggregates
from dora_exporter.series.census import Census
from dora_exporter.series.defects import Defects
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.membership import Membership, Teams
from dora_exporter.series.pending_writes import PendingWrites
from dora_exporter.series.renewal import Renewal
from dora_exporter.series.series_state import SeriesState
from dora_exporter.series.states import DueQueue, States

_SLICE_SECONDS = 0.004
_END = object()
_MANY_WRITES = 20_000

logger = logging.getLogger(__name__)


class Engine:
    """Follows a store, and hands out the aggregates whose numbers changed.

    ``load`` it once; then ``update`` until it returns True, and all numbers are those of that moment. ``close`` ends
    that. Whoever shows numbers asks for ``pop_changed`` until it is None, and says how that went: ``rendered`` or
    ``failed``; after the latter ``mend`` comes first.

    A defect stays in its series: that is computed anew from the store, and is broken, which leaves it out of all
    numbers, if it meets another one. The next write to it has it tried again.
    """

    def __init__(
        self,
        store: EventStore,
        definitions: Definitions,
        *,
        stopwatch: Stopwatch = stopwatch,
        renew: Renew | None = None,
    ) -> None:
        """Reads nothing before ``load``. ``renew`` puts another one in its place that has all writes."""
        self._store = store
        self._renew = renew
        self._stopwatch = stopwatch
        self.definitions = definitions
        catalogue = definitions.catalogue
        self.membership = Membership(
            Teams(definitions.teams, catalogue), definitions.groups, catalogue, definitions.dimensions
        )
        self._appearances = Appearances(definitions.catalogue, store.series_order)
        self._now_ms = 0
        self._is_in_round = False
        self._is_taking_over = False
        self.aggregates = Aggregates(
            appearances=self._appearances,
            membership=self.membership,
            series_limit=definitions.series_limit,
            values_limit=definitions.values_limit,
        )
        self.census = Census(self.aggregates, self._appearances, definitions)
        self._writes = PendingWrites(definitions.catalogue)
        self._states = States(store, definitions, self.aggregates)
        self._renewal = Renewal(store, self._states, self._writes, self.aggregates, appearances=self._appearances)
        self._defects = Defects()
        self._expiries: DueQueue[Aggregate] = DueQueue()
        self._work: Iterator[None] = iter(())
        self._subject: Series | None = None

    async def load(self, now_ms: int) -> None:
        """Reads all that the store holds, a few milliseconds at a time, and follows its changes from then on."""
        self._now_ms = now_ms
        self._store.observers.add(self._writes.note, self._renew)
        await self._renewal.gather_all()
        await in_slices(self.apply_pending)

    def close(self) -> None:
        """Follows the store no longer."""
        self._store.observers.remove(self._writes.note)

    def apply_pending(self) -> bool:
        """Takes over what was written to the store until the first call, a few milliseconds a call; True once it is.

        During a round of ``update`` that is what was written until the round began.
        """
        if not (self._is_in_round or self._is_taking_over):
            self._is_taking_over = True
            self._writes.admit()
        is_done = self._work_a_slice(self._next_write)
        self._is_taking_over = self._is_taking_over and not is_done
        return is_done

    def update(self, now_ms: int) -> bool:
        """Brings all numbers to a moment, a few milliseconds a call; True when nothing is left to do.

        What is written after the first call of such a round waits for the next one, or endless writes would keep it
        from ending. The moment may lie before the last one: clocks are set back.
        """
        if not self._is_in_round:
            self._is_in_round = True
            self._writes.admit()
        if now_ms < self._now_ms:
            self._states.mark_all()
            self.aggregates.mark_all()
        self._now_ms = now_ms
        self._states.mark_due(now_ms)
        self.aggregates.changed.update(dict.fromkeys(self._expiries.due(now_ms)))
        if not self.mend():
            return False
        self._is_in_round = self._is_taking_over = False
        return True

    # What changed

    def pop_changed(self) -> Aggregate | None:
        """Takes out an aggregate whose numbers may have changed; None when there is none."""
        changed = self.aggregates.changed
        return changed.popitem()[0] if changed else None

    def rendered(self, aggregate: Aggregate) -> None:
        """An aggregate that was taken out is shown as it is, or is not exposed."""
        if self.aggregates.is_exposed(aggregate):
            self._expiries.schedule(aggregate, aggregate.measures.changes_after(self.windows()))
        else:
            self._expiries.forget(aggregate)
            self.aggregates.forget_rollup(aggregate)
        self._defects.clear_aggregate(aggregate)
        series = self.aggregates.of_series(aggregate)
        if series:
            self._defects.clear(series)

    def failed(self, aggregate: Aggregate, defect: Exception) -> bool:
        """An aggregate that was taken out cannot be shown; True when it is to be left out of what is shown."""
        series = self.aggregates.of_series(aggregate)
        if series:
            self._damage(series, defect)
            return False
        if not self._defects.meet_in_aggregate(aggregate, defect):
            return True
        self.aggregates.changed[aggregate] = None
        self.aggregates.needs_recount = True
        return False

    def mend(self) -> bool:
        """Recomputes what failed since ``update``, a few milliseconds a call; True when nothing is left to do.

        What was written since waits for the next round.
        """
        return self._work_a_slice(self._next_step)

    # What is known

    def windows(self) -> list[Window]:
        """The windows as of the moment of the last update."""
        return [Window(text, length, self._now_ms) for text, length in self.definitions.windows]

    def is_superseded(self, deployment: Deployment) -> bool:
        """Whether another report of the same deployment counted in its place, as of the last update."""
        home = self.definitions.catalogue.home(deployment)
        state = self._states.by_series.get(home) if home else None
        return state is not None and state.is_superseded(deployment)

    def state(self, series: Series) -> SeriesState | None:
        """The events of a series, as of the last update; None when it has none."""
        return self._states.by_series.get(series)

    def states(self) -> dict[Series, SeriesState]:
        """The events of all series, as of the last update."""
        return dict(self._states.by_series)

    def sent_as(self, series: Series) -> tuple[Series, ...]:
        """The names other than its own that the events of a series were sent with."""
        return tuple(each for each in self._appearances.sent_as(series) if each != series)

    def as_stored(self, event: Event) -> Event | None:
        """An event of a series as it is stored; None if it was deleted since."""
        return (self._store.deployments if isinstance(event, Deployment) else self._store.incidents).get(event.id)

    @property
    def pending_writes(self) -> int:
        """How many writes are not taken over yet."""
        return len(self._writes)

    @property
    def is_behind(self) -> bool:
        """Whether the backlog of writes is too large for a request to wait for."""
        return self.pending_writes > _MANY_WRITES

    @property
    def broken_series(self) -> int:
        """How many series, and how many teams, have no gauges because their computation fails."""
        return len(self._defects)

    def is_broken(self, series: Series) -> bool:
        """Whether a series has no gauges because its computation fails."""
        return self._defects.is_broken(series)

    # One thing at a time, a step at a time

    def _work_a_slice(self, following: Callable[[], bool]) -> bool:
        """Works for a few milliseconds; True when nothing is left to do."""
        end = self._stopwatch() + _SLICE_SECONDS
        while self._stopwatch() < end:
            if not self._advance(following):
                return True
        return False

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

    def _begin(self, subject: Series | None, work: Iterator[None]) -> None:
        """Begins to work, on a series or on what all have in common; nothing else is touched until that is done."""
        self._subject, self._work = subject, work

    def _next_write(self) -> bool:
        """Begins with what was written; False when there is nothing."""
        renewed = None if self.aggregates.needs_recount else self._renewal.next_series(self._now_ms)
        if renewed:
            self._begin(*renewed)
        elif self._writes.are_admitted:
            self._begin(None, self._sort_writes())
        elif self._renewal.is_due:
            self._begin(None, self._renewal.gather())
        elif self._writes.are_sorted:
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
        series = self._states.pop_unsettled()
        if series is None:
            return False
        self._begin(series, self._settle(series))
        return True

    def _sort_writes(self) -> Iterator[None]:
        """Sorts writes by series, and chooses how each series takes them over."""
        yield from self._writes.sort_admitted()
        self._renewal.choose_where_it_saves()

    def _begin_to_follow(self) -> None:
        """Begins to take over the writes to a series."""
        series, writes = self._writes.pop()
        if self._defects.is_broken(series):
            self._defects.retry(series)
            self._renewal.choose(series)
        elif self.state(series) is None:
            self._begin(series, self._states.load(series, *writes.events(), self._now_ms))
        else:
            self._begin(series, self._states.follow(series, writes))

    def _settle(self, series: Series) -> Iterator[None]:
        yield from self._states.settle(series, self._now_ms)
        if self.state(series) is None or not series.service:  # nothing of it is to be rendered
            self._defects.clear(series)

    def _contain(self, defect: Exception) -> None:
        """Leaves a defect in the series that met it."""
        series = self._subject
        self._begin(None, iter(()))
        if series is not None:
            self._damage(series, defect)
        else:
            logger.error("aggregates recomputed after an internal error", exc_info=defect)
            # A recount does not help where it is what fails.
            self.aggregates.needs_recount = not self.aggregates.needs_recount

    def _damage(self, series: Series, defect: Exception) -> None:
        """Recomputes a series after a defect; after a second one it is broken, and left out of all numbers."""
        self._states.forget(series)
        self.aggregates.needs_recount = True
        if self._defects.meet_in_series(series, defect):
            self._renewal.choose(series)
