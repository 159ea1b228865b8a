"""Recomputes series from the store: at the start, after a defect, and if that costs less than many writes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from operator import attrgetter

from dora_exporter.dora.catalogue.catalogue import Appearances, Catalogue
from dora_exporter.dora.events import Deployment, Event, Incident, Series
from dora_exporter.dora.plain_facts import PlainFacts
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.cooperative import batches_as_of_now, in_turns
from dora_exporter.series.aggregates import Aggregates
from dora_exporter.series.pending_writes import PendingWrites
from dora_exporter.series.series_state import SeriesState
from dora_exporter.series.states import States

_FEW_WRITES = 64
_MICROSECONDS_PER_WRITE = 64
_MICROSECONDS_PER_EVENT = 6
_MICROSECONDS_TO_RECOUNT = 1
"""The relative costs per event of applying a write, of recomputing a series and of recounting the others."""

_names = attrgetter("service", "environment")
_Events = tuple[list[Deployment], list[Incident]]


class Renewal:
    """The series to recompute, and after them the aggregates that add up series.

    ``gather`` finds their events while all other series wait to be added again; then come the series, one by one.
    """

    def __init__(
        self,
        store: EventStore,
        states: States,
        writes: PendingWrites,
        aggregates: Aggregates,
        *,
        appearances: Appearances,
    ) -> None:
        """No series to recompute."""
        self._store = store
        self._states = states
        self._writes = writes
        self._aggregates = aggregates
        self._appearances = appearances
        self._chosen: dict[Series, None] = {}
        self._to_add_again: dict[Series, None] = {}
        self._gathered: dict[Series, _Events] = {}

    def choose(self, series: Series) -> None:
        """Schedules a series to be recomputed."""
        self._chosen[series] = None

    def choose_where_it_saves(self) -> None:
        """Schedules the series with so many writes that recomputing costs less than applying them."""
        # Recounting is paid once, however many are chosen: so all that save something are, or none.
        saved = -_MICROSECONDS_TO_RECOUNT * (len(self._store.deployments) + len(self._store.incidents))
        chosen = []
        for series, writes in self._writes.items():
            state = self._states.by_series.get(series)
            gain = _MICROSECONDS_PER_WRITE * len(writes)
            if (
                state is not None
                and len(writes) > _FEW_WRITES
                and gain > _MICROSECONDS_PER_EVENT * (len(writes) + state.size)
            ):
                chosen.append(series)
                saved += gain - _MICROSECONDS_PER_EVENT * (len(writes) + state.size)
        if saved > 0:
            self._chosen.update(dict.fromkeys(chosen))

    async def gather_all(self) -> None:
        """Finds the events of every series, a few milliseconds at a time; what is written from now on is not in them.

        Series come in the order in which they appeared.
        """
        by_series = await _by_series(self._store, self._appearances.catalogue)
        for series in sorted(by_series, key=lambda each: self._appearances.rank(each, -1)):
            self._gathered[series] = by_series.pop(series)

    @property
    def is_due(self) -> bool:
        """Whether ``gather`` has to be called."""
        return bool(self._chosen) or self._aggregates.needs_recount

    def gather(self) -> Iterator[None]:
        """Forgets what is to be computed anew, and finds the events of the chosen series."""
        chosen: dict[Series, _Events] = {each: ([], []) for each in self._chosen}
        for series in chosen:
            yield from self._states.forgetting(series)
        held: Iterator[Sequence[Event]] = iter(())
        if chosen:
            held = batches_as_of_now(chain(self._store.deployments.values(), self._store.incidents.values()))
        # This holds what was written by now; what is written from here on is sorted in afterwards.
        yield from self._writes.sort_all(except_for=chosen)
        yield from self._aggregates.recount()
        self._to_add_again = dict.fromkeys(self._states.by_series)
        homes = self._appearances.catalogue.homes
        for some in held:
            for event in some:
                for series in homes(event):
                    if series in chosen:
                        deployments, incidents = chosen[series]
                        deployments.append(event) if isinstance(event, Deployment) else incidents.append(event)
            yield
        self._gathered.update(chosen)
        self._chosen.clear()

    def next_series(self, now_ms: int) -> tuple[Series, Iterator[None]] | None:
        """The next series to be added again or computed, with the steps of that; None when all are."""
        while self._to_add_again:
            series = next(iter(self._to_add_again))
            del self._to_add_again[series]
            # One that met a defect in between has no state: it is chosen, and will be computed from the store.
            if series in self._states.by_series:
                return series, self._adding_again(series, self._states.by_series[series])
        if self._gathered:
            series = next(iter(self._gathered))
            return series, self._states.load(series, *self._gathered.pop(series), now_ms)
        return None

    def _adding_again(self, series: Series, state: SeriesState) -> Iterator[None]:
        """Adds the events of a series to its rollups again, step by step."""
        aggregates = self._aggregates
        for events in state.present():
            aggregates.add_presence_to_rollups(series, events, 1)
            yield
        for plain, others in state.classifier.passed_on():
            if plain:
                aggregates.add_plain_to_rollups(series, PlainFacts.of(plain), plain)
            yield
            for deployment, facts in others:
                yield from aggregates.adding_deployment_to_rollups(series, deployment, None, facts)
                yield
        for attempt, facts in state.attempts.counted():
            yield from aggregates.adding_deployment_to_rollups(series, attempt, None, facts)
            yield
        for incident in state.incidents.held.values():
            its = state.classifier.incidents.facts(incident)
            if its:
                aggregates.add_incident_to_rollups(series, incident, None, its)
                yield


async def _by_series(store: EventStore, catalogue: Catalogue) -> dict[Series, _Events]:
    """The events of a store by series, sorted in slices."""
    sent: defaultdict[tuple[str, str], list[Deployment]] = defaultdict(list)
    by_series: defaultdict[Series, _Events] = defaultdict(lambda: ([], []))
    held, incidents = batches_as_of_now(store.deployments.values()), batches_as_of_now(store.incidents.values())
    # By the names as sent first: the catalogue is asked once for each of these, not for each of a million events.
    async for some in in_turns(held):
        for names, together in groupby(some, _names):
            sent[names].extend(together)
    async for some_incidents in in_turns(incidents):
        for incident in some_incidents:
            for series in catalogue.homes(incident):
                by_series[series][1].append(incident)
    async for names, deployments in in_turns(sent.items()):
        home = catalogue.series(names)
        if home is not None:
            by_series[home][0].extend(deployments)
    return dict(by_series)
