"""The numbers that are exposed, by the definitions in force: a reload may put new ones in their place."""

import asyncio
import logging
from collections.abc import Collection, Iterator, Mapping

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.store import EventStore
from dora_exporter.exposition import Body, Exposition, Format, OwnFamilies
from dora_exporter.runtime.clock import Clock
from dora_exporter.series.engine import Definitions, Engine

logger = logging.getLogger(__name__)

_LONGEST_WAIT = 10
_PAUSE_SECONDS = 0.005
"""Leaves most of the time to writers."""


class MetricsService:
    """Engine of a store, and their exposition."""

    def __init__(self, store: EventStore, *, own: OwnFamilies, definitions: Definitions, clock: Clock) -> None:
        """Nothing is exposed before ``load``."""
        self._store = store
        self._own = own
        self._clock = clock
        self._folding: dict[str, bool] = {"series": False, "teams": False}
        self._pending_before = 0
        self._waited = 0
        self.engine = Engine(store, definitions)
        self._exposition = self._expose(self.engine)

    async def load(self) -> None:
        """Computes all that the store holds, a few milliseconds at a time."""
        await self.engine.load(self._clock())

    async def render(self) -> None:
        """Does the work of a first scrape, a few milliseconds at a time; one that comes now waits for it."""
        await self._exposition.scrape(Format.TEXT, gzip=True)

    async def define(self, definitions: Definitions) -> None:
        """Computes everything anew by other definitions; until that is done, scrapes see the numbers before."""
        engine = Engine(self._store, definitions)
        exposition = self._expose(engine)
        try:
            await engine.load(self._clock())
            await exposition.scrape(Format.TEXT, gzip=True)
        except BaseException:
            engine.close()
            raise
        self.engine.close()
        self.engine, self._exposition = engine, exposition

    async def current(self) -> Engine:
        """The engine, brought up to now."""
        await self._exposition.update()
        return self.engine

    async def keep_up(self) -> None:
        """Takes over what was written since, a few milliseconds at a time, so that a scrape finds little to do.

        Where much was written, all is computed, once no more comes or it has waited for long.
        """
        if self.engine.is_behind:
            await self._catch_up()
        else:
            for _ in self._slices():
                await asyncio.sleep(_PAUSE_SECONDS)
        self._tell_of_surplus()

    async def _catch_up(self) -> None:
        before, self._pending_before = self._pending_before, self.pending_writes
        if self.pending_writes > before and self._waited < _LONGEST_WAIT:
            self._waited += 1
        else:
            self._waited = self._pending_before = 0
            await self._exposition.update()

    def _tell_of_surplus(self) -> None:
        self._tell("series", self.series, is_folding=self.series_folded > 0)
        self._tell("teams", self.teams, is_folding=self.teams_folded > 0)

    def _tell(self, kind: str, count: int, *, is_folding: bool) -> None:
        if self._folding[kind] != is_folding:
            self._folding[kind] = is_folding
            said = (
                f"more {kind} than the limit, the surplus is folded into _other"
                if is_folding
                else "no surplus any more, nothing is folded"
            )
            logger.warning("%s limit=%d %s=%d", said, self.series_limit, kind, count)

    def _slices(self) -> Iterator[None]:
        while not self.engine.apply_pending():
            yield

    def is_superseded(self, deployment: Deployment) -> bool:
        """Whether another report of the same deployment counts in its place."""
        return self.engine.is_superseded(deployment)

    async def scrape(self, wanted: Format, *, gzip: bool, names: Collection[str] = ()) -> Body:
        """The exposition as of now."""
        return await self._exposition.scrape(wanted, gzip=gzip, names=names)

    @property
    def series(self) -> int:
        """Distinct series with at least one event."""
        return self.engine.series

    @property
    def series_folded(self) -> int:
        """Those beyond the limit."""
        return self.engine.series_folded

    @property
    def teams(self) -> int:
        """Distinct teams and environments with at least one event."""
        return self.engine.teams

    @property
    def teams_folded(self) -> int:
        """Those beyond the limit."""
        return self.engine.teams_folded

    @property
    def series_limit(self) -> int:
        """How many series are exposed by name."""
        return self.engine.series_limit

    @property
    def broken_series(self) -> int:
        """Series, and teams, without gauges because their computation fails."""
        return self.engine.broken_series

    @property
    def pending_writes(self) -> int:
        """Writes to events that are not in the gauges yet."""
        return self.engine.pending_writes

    @property
    def lead_time_commits_dropped(self) -> Mapping[str, int]:
        """Commits that are no lead time sample, by cause."""
        return self.engine.lead_time_commits_dropped

    def _expose(self, engine: Engine) -> Exposition:
        caches = (engine.series_text, engine.team_text)
        return Exposition(
            caches=caches,
            own=self._own,
            update=engine.update,
            clock=self._clock,
            is_behind=lambda: engine.is_behind,
        )
