"""The numbers that are exposed, by the definitions in force: a reload may put new ones in their place."""

import asyncio
import logging
from collections.abc import Callable, Iterator

from dora_exporter.app.derived_settings import definitions
from dora_exporter.app.settings import Settings
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.store import EventStore
from dora_exporter.exposition import CurrentExposition, Exposition, Format, OwnFamilies
from dora_exporter.exposition.series_text import SeriesText
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.cooperative import in_slices, in_turns
from dora_exporter.runtime.garbage_collection import postponed_search
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine
from dora_exporter.series.series_state import SeriesState

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.005
"""Leaves most of the time to writers."""
_LOOK_SECONDS = 0.2
_LOOKS = 150
_MANY_WRITES = 2_000
"""So many since the last time are an import: nobody else writes so much within a second."""
_FEW_WRITES = 100
"""So many between two looks are no import any more."""


class MetricsService:
    """The engine in use and its exposition."""

    def __init__(self, store: EventStore, *, own: OwnFamilies, definitions: Definitions, clock: Clock) -> None:
        """Nothing is exposed before ``load``."""
        self._store = store
        self._definitions = definitions
        self._own = own
        self._clock = clock
        self._folding: dict[str, bool] = {"series": False, "teams": False, "values": False}
        self._defining = asyncio.Lock()
        self.engine = Engine(store, definitions, renew=self._renew)
        self._text = SeriesText(self.engine)
        self.activity = own.activity
        self.exposed = CurrentExposition(self._expose(self._text))

    async def load(self) -> None:
        """Computes all that the store holds, a few milliseconds at a time."""
        await self.engine.load(self._clock())

    async def render(self) -> None:
        """Does the work of a first scrape, a few milliseconds at a time; one that comes now waits for it."""
        await self.exposed.now.scrape(Format.TEXT, gzip=True)

    async def use(self, settings: Settings) -> None:
        """Computes all numbers again if other settings define others; until then scrapes see the previous ones."""
        async with self._defining:
            if (wanted := definitions(settings)) != self._definitions:
                await self._define(wanted)

    async def _renew(self) -> None:
        """Computes everything again, as the engine missed writes."""
        async with self._defining:
            await self._define(self._definitions)

    async def _define(self, definitions: Definitions) -> None:
        engine = Engine(self._store, definitions, renew=self._renew)
        text = SeriesText(engine)
        exposition = self._expose(text)
        try:
            with postponed_search():
                await engine.load(self._clock())
                await exposition.scrape(Format.TEXT, gzip=True)
        except BaseException:
            engine.close()
            raise
        self.engine.close()
        states = list(self.engine.states().values())
        outdated: list[object] = [self.engine, self._text, self.exposed.now]
        self._definitions, self.engine, self._text, self.exposed.now = definitions, engine, text, exposition
        self._own.activity.count += 1
        async for _ in in_turns(_freeing(outdated, states)):
            pass

    async def current(self) -> Engine:
        """The engine, brought up to now."""
        await self.exposed.now.update()
        return self.engine

    async def superseded(self) -> Callable[[Deployment], bool]:
        """Tells whether another report of a deployment counts in its place.

        That is as of now; during a large backlog of writes, as of the last update, so that no request waits for it.
        """
        engine = self.engine if self.engine.is_behind else await self.current()
        return engine.is_superseded

    async def keep_up(self) -> None:
        """Takes over what was written since, a few milliseconds at a time, so that a scrape finds little to do.

        Where much was written, all is computed, once little more comes or half a minute has passed: to compute it in
        the middle of an import would delay the import and be done again.
        """
        if self.engine.pending_writes > _MANY_WRITES:
            await self._catch_up()
        else:
            await in_slices(self._text.apply_pending, pause_seconds=_PAUSE_SECONDS)
        self._log_surplus()

    async def _catch_up(self) -> None:
        for _ in range(_LOOKS):
            before = self.engine.pending_writes
            await asyncio.sleep(_LOOK_SECONDS)
            if self.engine.pending_writes <= before + _FEW_WRITES:
                break
        await self.exposed.now.update()

    def _log_surplus(self) -> None:
        engine, census = self.engine, self.engine.census
        limit = census.series_limit
        self._log_change("series", census.series, limit, is_folding=census.series_folded > 0)
        self._log_change("teams", census.teams, limit, is_folding=census.teams_folded > 0)
        values, folded = census.values
        self._log_change("values", values, engine.definitions.values_limit, is_folding=folded > 0)

    def _log_change(self, kind: str, count: int, limit: int, *, is_folding: bool) -> None:
        if self._folding[kind] != is_folding:
            self._folding[kind] = is_folding
            said = (
                f"more {kind} than the limit, the surplus is folded into _other"
                if is_folding
                else "no surplus any more, nothing is folded"
            )
            logger.warning("%s limit=%d %s=%d", said, limit, kind, count)

    def _expose(self, text: SeriesText) -> Exposition:
        return Exposition(
            caches=text.caches,
            own=self._own,
            update=text.update,
            clock=self._clock,
            is_behind=text.is_behind,
        )


def _freeing(outdated: list[object], states: list[SeriesState]) -> Iterator[None]:
    """Drops the references to objects and to the parts of states, a step at a time: all at once takes 50 ms."""
    while outdated:
        outdated.pop()
        yield
    while states:
        parts = list(states.pop().parts())
        while parts:
            parts.pop()
            yield
