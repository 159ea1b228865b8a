"""Runs the passes of a source and records their health."""

import logging
from collections.abc import Callable

from dora_exporter.dora.event_log import Appendable, Unavailable
from dora_exporter.dora.records import Cursor
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock, stopwatch
from dora_exporter.sources.contract import Memory, Misconfigured, Source, Unreadable
from dora_exporter.sources.http.client import Refused, Unreachable
from dora_exporter.sources.polling.health import Health
from dora_exporter.sources.polling.sink import EventSink

logger = logging.getLogger(__name__)

_EXPECTED = (Misconfigured, Unreadable, Refused, Unreachable, Unavailable)

RETRY_SECONDS = 60.0
"""A misconfigured source is tried again at least so often, however long its interval: it heals without a restart."""


class Poller:
    """Polls one source. Its memory is a record of the log, written after the last page of a pass."""

    def __init__(
        self,
        name: str,
        source: Source,
        *,
        store: EventStore,
        log: Appendable,
        clock: Clock,
        health: Health,
    ) -> None:
        """Nothing is asked before the first ``run``."""
        self._name = name
        self._source = source
        self._store = store
        self._log = log
        self._clock = clock
        self._health = health

    async def run(self, sink: EventSink, *, stopwatch: Callable[[], float] = stopwatch) -> float | None:
        """Runs one pass; never raises. Returns the seconds until a retry, None to wait for the interval."""
        now_ms, began = self._clock(), stopwatch()
        self._health.last_attempt_ms = now_ms
        try:
            await self._pass(sink, now_ms)
        except _EXPECTED as reason:
            await sink.abandon()
            is_misconfigured = isinstance(reason, Misconfigured) or (
                isinstance(reason, Refused) and reason.is_misconfiguration
            )
            seconds = stopwatch() - began
            if self._health.failed(str(reason), at_ms=now_ms, seconds=seconds, is_misconfigured=is_misconfigured):
                state = "misconfigured" if is_misconfigured else "failing"
                logger.warning("source is %s source=%s problem=%s", state, self._name, reason)
            return RETRY_SECONDS if is_misconfigured else None
        except Exception as reason:
            await sink.abandon()
            problem = f"internal error: {type(reason).__name__}"
            if self._health.failed(problem, at_ms=now_ms, seconds=stopwatch() - began):
                logger.exception("source poll failed with an internal error source=%s", self._name)
            return None
        ended = self._health.succeeded(at_ms=self._clock(), seconds=stopwatch() - began)
        if ended is not None:
            logger.info("source recovered source=%s after_failures=%d", self._name, ended.failures)
        return None

    async def _pass(self, sink: EventSink, now_ms: int) -> None:
        memory = await self._source.poll(memory_of(self._store, self._name, self._source), sink, now_ms=now_ms)
        await sink.flush()
        state = {"settings": self._source.fingerprint, "memory": memory}
        await self._log.append([Cursor(self._name, state)])


def memory_of(store: EventStore, name: str, source: Source) -> Memory:
    """The memory of the source; empty after its settings changed."""
    state = store.cursors.get(name, {})
    memory: Memory = state.get("memory", {}) if state.get("settings") == source.fingerprint else {}
    return memory


def cursor_of(store: EventStore, name: str, source: Source) -> int | None:
    """The moment up to which the source has been read, in milliseconds."""
    cursor = memory_of(store, name, source).get("cursor")
    return cursor if isinstance(cursor, int) else None
