"""Gives deployments the source commits that were told of their images or configurations."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence
from itertools import islice

from dora_exporter.dora.changes import Change
from dora_exporter.dora.correlations import keys_of, told_of
from dora_exporter.dora.event_log import Appendable, Unavailable
from dora_exporter.dora.events import Deployment, Event
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.cooperative import in_background, in_batches
from dora_exporter.runtime.outage import Outage

logger = logging.getLogger(__name__)

_TICK_SECONDS = 5.0
_AT_ONCE = 100


class Correlator:
    """Fills in ``Deployment.commit_sha``: an observer of the store that writes through the log.

    Life: ``load`` after the replay, ``start``, at last ``close``.
    """

    def __init__(self, *, store: EventStore, log: Appendable, clock: Clock) -> None:
        """Knows nothing before ``load``."""
        self._store = store
        self._log = log
        self._clock = clock
        self._waiting: dict[str, dict[str, None]] = {}
        self._due: dict[str, None] = {}
        self._woken = asyncio.Event()
        self._outage = Outage()
        self._main: asyncio.Task[None] | None = None

    @property
    def keys(self) -> int:
        """How many images and configuration commits are waited for."""
        return len(self._waiting)

    async def load(self) -> None:
        """Looks at the deployments that are held, a few milliseconds at a time."""
        async for some in in_batches(self._store.deployments.values()):
            for each in some:
                if each.upstream is not None and self._store.deployments.get(each.id) is each:
                    self._add(each)

    async def renew(self) -> None:
        """Looks again at the deployments that are held, and forgets what it knew of others."""
        self._waiting.clear()
        self._due.clear()
        await self.load()

    def observe(self, changes: Sequence[Change]) -> None:
        """Follows writes to deployments."""
        for before, after in changes:
            if before is not after:
                self._remove(before)
                self._add(after)

    def hear(self, cursor: str) -> None:
        """Something was told, perhaps of an image that is waited for."""
        for each in self._waiting.get(cursor, ()):
            self._put(each)

    def start(self) -> None:
        """Begins to work in the background."""
        self._main = in_background(self._run(), name="correlations")

    async def work(self) -> None:
        """Writes the commits that are known by now; raises ``Unavailable``."""
        while some := list(islice(self._due, _AT_ONCE)):
            news = list(self._told(some))
            if news:
                await self._log.append(news)
            for each in some:
                self._due.pop(each, None)

    async def close(self) -> None:
        """Stops; what is due is found again by the next start."""
        if self._main is not None:
            self._main.cancel()
            await asyncio.gather(self._main, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self.work()
            except Unavailable as reason:
                if self._outage.fail(self._clock()):
                    logger.warning("correlated commits not stored reason=%s", reason)
            else:
                if self._outage.succeed(self._clock()):
                    logger.info("correlated commits are stored again")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._woken.wait()

    def _told(self, ids: Sequence[str]) -> Iterator[Deployment]:
        for each in ids:
            held = self._store.deployments.get(each)
            told = None if held is None else told_of(held, self._store.cursors)
            if told is not None:
                yield told

    def _add(self, event: Event | None) -> None:
        if isinstance(event, Deployment) and event.upstream is not None:
            cursors = [key.cursor for key in keys_of(event)]
            for each in cursors:
                self._waiting.setdefault(each, {})[event.id] = None
            if any(each in self._store.cursors for each in cursors):
                self._put(event.id)

    def _remove(self, event: Event | None) -> None:
        if isinstance(event, Deployment) and event.upstream is not None:
            for key in keys_of(event):
                if (ids := self._waiting.get(key.cursor)) is not None:
                    ids.pop(event.id, None)
                    if not ids:
                        del self._waiting[key.cursor]

    def _put(self, event_id: str) -> None:
        self._due[event_id] = None
        self._woken.set()
