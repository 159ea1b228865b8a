"""The names that no entry of the catalogue knows, each with how often and when it was sent."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary

from dora_exporter.dora.catalogue.catalogue import Catalogue
from dora_exporter.dora.events import Deployment, Event
from dora_exporter.dora.sorted_in_steps import batches
from dora_exporter.runtime.cooperative import in_turns
from dora_exporter.series.engine import Engine
from dora_exporter.series.series_state import SeriesState

LARGEST_LIST = 100
_KEPT_WHILE_LOOKING = 1000
_COUNTED_AT_ONCE = 512

_Key = TypeVar("_Key")
_Sent = tuple[str | tuple[str, ...], str]
"""The service or services of an event, and its environment."""


@dataclass(slots=True)
class Sightings:
    """How many events have a name, and when the last of them finished, or began if it is still open."""

    events: int = 0
    last_ms: int = 0


@dataclass(frozen=True, slots=True)
class UnmappedName:
    """A name as it was sent. ``kind`` is "service" or "environment"."""

    kind: str
    name: str
    events: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class UnmappedNames:
    """The most frequent names, and how many there are in all."""

    names: Sequence[UnmappedName]
    total: int


class NameCounts:
    """Counts names series by series, anew only where a series changed since it was last asked."""

    def __init__(self) -> None:
        """Nothing is counted."""
        self._kept: WeakKeyDictionary[SeriesState, _OfSeries] = WeakKeyDictionary()

    async def unmapped(self, engine: Engine) -> UnmappedNames | None:
        """The names without an entry, a few milliseconds at a time; None where the catalogue has no entry."""
        catalogue = engine.definitions.catalogue
        if not catalogue.has_entries:
            return None
        found: dict[tuple[str, str], Sightings] = {}
        async for sent, seen in in_turns((await self._by_what_was_sent(engine)).items()):
            for key in _unmapped(catalogue, *sent):
                _add(found, key, seen.events, seen.last_ms)
        names: list[UnmappedName] = []
        async for key, seen in in_turns(found.items()):
            names.append(UnmappedName(*key, seen.events, seen.last_ms))
            if len(names) > _KEPT_WHILE_LOOKING:
                names = heapq.nsmallest(LARGEST_LIST, names, key=_place)
        return UnmappedNames(sorted(names, key=_place)[:LARGEST_LIST], len(found))

    async def _by_what_was_sent(self, engine: Engine) -> dict[_Sent, Sightings]:
        found: dict[_Sent, Sightings] = {}
        incidents: dict[str, tuple[_Sent, int]] = {}
        async for state in in_turns(engine.states().values()):
            of_series = self._kept.get(state)
            if of_series is None or of_series.version != state.version:
                of_series = self._kept[state] = await _counted(engine, state)
            for sent, seen in of_series.deployments.items():
                _add(found, sent, seen.events, seen.last_ms)
            incidents.update(of_series.incidents)
        async for sent, last_ms in in_turns(incidents.values()):
            _add(found, sent, 1, last_ms)
        return found


@dataclass(frozen=True, slots=True)
class _OfSeries:
    """What the events of a series were sent as; ``incidents`` by id, as one may belong to several series."""

    version: int
    deployments: dict[_Sent, Sightings]
    incidents: dict[str, tuple[_Sent, int]]


async def _counted(engine: Engine, state: SeriesState) -> _OfSeries:
    found = _OfSeries(state.version, {}, {})
    for events in state.held():
        async for batch in in_turns(batches(events, _COUNTED_AT_ONCE)):
            for each in batch:
                _add_event(found, engine.as_stored(each))
    return found


def _add_event(found: _OfSeries, event: Event | None) -> None:
    if isinstance(event, Deployment):
        _add(found.deployments, (event.service, event.environment), 1, event.finished_at)
    elif event is not None and event.merged_into is None:
        last_ms = event.started_at if event.finished_at is None else event.finished_at
        found.incidents[event.id] = (event.services, event.environment), last_ms


def _add(found: dict[_Key, Sightings], key: _Key, events: int, last_ms: int) -> None:
    seen = found.get(key)
    if seen is None:
        seen = found[key] = Sightings()
    seen.events += events
    seen.last_ms = max(seen.last_ms, last_ms)


def _unmapped(catalogue: Catalogue, services: str | tuple[str, ...], environment: str) -> Iterator[tuple[str, str]]:
    """The kind and name of each; an ignored event has none."""
    named = {services} if isinstance(services, str) else set(services)
    counting = [each for each in named if catalogue.series((each, environment)) is not None]
    yield from (("service", each) for each in counting if not catalogue.service_meaning(each).is_known)
    if counting and not catalogue.environment_meaning(environment).is_known:
        yield "environment", environment


def _place(name: UnmappedName) -> tuple[int, str, str]:
    return -name.events, name.kind, name.name
