"""Drops expired events from the log and from memory in one step."""

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from operator import attrgetter

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.event_log import Appendable
from dora_exporter.dora.events import DAY_MS, SENT, Deployment, Event, Incident, Series
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.records import RETENTION, Deletion
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock, Stopwatch, stopwatch
from dora_exporter.runtime.cooperative import in_batches

_PER_APPEND = 500
_PAIRED_MS = 2 * DAY_MS
"""Deployments stay so much longer, and before the last one of their series: they may be reports of one deployment."""

_finished_at = attrgetter("finished_at")

logger = logging.getLogger(__name__)


class Horizon:
    """The moment from which ages are counted when events are dropped. A wrong clock must not make them look old.

    It is never later than the clock, than the latest event that is held, nor than the latest event of the start plus
    the time that a steady clock has measured since.
    """

    def __init__(self, clock: Clock, *, elapsed: Stopwatch = stopwatch) -> None:
        """``begin`` comes first."""
        self._clock = clock
        self._elapsed = elapsed
        self._began = 0.0
        self._anchor_ms = 0

    async def begin(self, store: EventStore) -> None:
        """Starts to measure, beside a store that holds all that was kept."""
        self._began = self._elapsed()
        now_ms = self._clock()
        latest = await _latest(store, now_ms)
        self._anchor_ms = now_ms if latest is None else latest

    async def now_ms(self, store: EventStore) -> int:
        """The moment now, in milliseconds since the epoch."""
        now_ms = min(self._clock(), self._anchor_ms + int(1000 * (self._elapsed() - self._began)))
        latest = await _latest(store, now_ms)
        return now_ms if latest is None else latest


async def _latest(store: EventStore, now_ms: int) -> int | None:
    """The latest time, up to now, of an event dated by its sender; None where there is no such event."""
    latest = 0
    async for deployments in in_batches(store.deployments.values()):
        if max(map(_finished_at, deployments)) <= latest:  # nearly all of them, and each takes longer to look at
            continue
        # Without those that were dated when a poll saw them: that was by our own clock.
        dated = [each.finished_at for each in deployments if each.source == SENT or each.started_at < each.finished_at]
        latest = max(latest, *[moment for moment in dated if moment <= now_ms], 0)
    async for incidents in in_batches(store.incidents.values()):
        latest = max(latest, *[each.started_at for each in incidents if each.started_at <= now_ms], 0)
    return latest or None


async def forget(
    store: EventStore, log: Appendable, *, oldest_ms: int, now_ms: int, catalogue: Catalogue = NO_CATALOGUE
) -> int:
    """Drops the events that ended before ``oldest_ms``; returns how many.

    Open incidents stay, and so does the last deployment of each series up to ``now_ms``, with all that finished up to
    two days before it began: one of these may be the report of it that counts. A series is meant by the names it was
    sent with as well as by those of the ``catalogue``, which may change. Raises Unavailable.
    """
    last_as_sent = await _last_of_each_series(store, now_ms, NO_CATALOGUE.home)
    last_as_named = await _last_of_each_series(store, now_ms, catalogue.home) if catalogue.renames else {}

    def is_droppable(event: Event) -> bool:
        if isinstance(event, Incident):
            return event.finished_at is not None and event.finished_at < oldest_ms
        if event.outcome:
            return event.finished_at < oldest_ms
        home = catalogue.home(event) if catalogue.renames else None
        laters = [last_as_sent.get(event.series), *([last_as_named.get(home)] if home else [])]
        return all(later is not None and is_older(event, later) for later in laters)

    def is_older(event: Deployment, later: Deployment) -> bool:
        is_held = store.deployments.get(later.id) is later
        return is_held and event.finished_at < min(oldest_ms, later.started_at) - _PAIRED_MS

    held: Iterable[Event] = chain(store.deployments.values(), store.incidents.values())
    old = [event async for some in in_batches(held) for event in some if is_droppable(event)]
    dropped = 0
    for start in range(0, len(old), _PER_APPEND):  # the last of a series may have gone since
        some = [event for event in old[start : start + _PER_APPEND] if is_droppable(event)]
        await log.append(list(_deletions(some, oldest_ms)))
        dropped += len(some)
    if dropped:
        logger.info("expired events dropped events=%d", dropped)
    return dropped


async def _last_of_each_series(
    store: EventStore, now_ms: int, home: Callable[[Deployment], Series | None]
) -> dict[Series, Deployment]:
    """The deployment that finished last up to a moment; it yields to other tasks.

    One that may be a report of a deployment whose time has not come is passed over: it does not count until then.
    """
    coming: dict[Series, int] = {}
    deployments = [each async for some in in_batches(store.deployments.values()) for each in some if not each.outcome]
    async for some in in_batches(deployments):
        for each in some:
            series = home(each)
            if series is not None and each.finished_at > now_ms:
                coming[series] = min(each.started_at, coming.get(series, each.started_at))
    last: dict[Series, Deployment] = {}
    async for some in in_batches(deployments):
        for each in some:
            series = home(each)
            if series is None:
                continue
            next_start = coming.get(series)
            if next_start is None or each.started_at < next_start - _PAIRED_MS:
                before = last.get(series)
                if before is None or finish_order(each) > finish_order(before):
                    last[series] = each
    return last


def _deletions(events: Iterable[Event], oldest_ms: int) -> Iterator[Deletion]:
    for event in events:
        yield Deletion("deployment" if isinstance(event, Deployment) else "incident", event.id, oldest_ms, RETENTION)
