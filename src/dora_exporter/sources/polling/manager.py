"""The configured sources in operation: each is polled on its schedule, and a reload adds, changes and removes them."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from dora_exporter.dora.event_log import Appendable
from dora_exporter.dora.events import Event
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.latest_lines import LatestLines
from dora_exporter.runtime.scheduler import Schedule
from dora_exporter.sources import KINDS
from dora_exporter.sources.contract import Backfilling, Source, SourceContext
from dora_exporter.sources.polling.health import Health
from dora_exporter.sources.polling.indexes import Indexes
from dora_exporter.sources.polling.poller import Poller, cursor_of
from dora_exporter.sources.polling.sink import EventSink
from dora_exporter.sources.polling.sink import logger as sink_logger
from dora_exporter.sources.settings import SourceSettings

logger = logging.getLogger(__name__)

_FIRST_WITHIN_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 1.0
"""So soon a replica that comes to lead begins to poll."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RunningSource:
    """A source in operation."""

    name: str
    settings: SourceSettings
    context: SourceContext
    source: Source
    health: Health
    in_flight: dict[str, Event]
    push_log: LatestLines = field(default_factory=lambda: LatestLines(sink_logger))

    @property
    def condition(self) -> str:
        """Its health in words, with the last problem."""
        if self.source.interval_ms is None:
            return "is only pushed to"
        progress = self.source.progress if isinstance(self.source, Backfilling) else None
        return "; ".join(filter(None, (self.health.in_words(), progress)))


class RunningSources:
    """All sources in operation, by name."""

    def __init__(
        self,
        *,
        store: EventStore,
        log: Appendable,
        clock: Clock,
        schedule: Schedule,
        pass_log: Appendable | None = None,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        """None yet. What is pushed goes to ``log``, what is polled to ``pass_log`` while this one ``leads``."""
        self._store = store
        self._log = log
        self._pass_log = pass_log or log
        self._leads = leads
        self._clock = clock
        self._schedule = schedule
        self.indexes = Indexes(store)
        self._running: dict[str, RunningSource] = {}
        self._implied: dict[str, RunningSource] = {}
        self._in_flight: dict[str, dict[str, Event]] = {}

    def __iter__(self) -> Iterator[RunningSource]:
        """The sources in the order of their names."""
        return iter([self._running[name] for name in sorted(self._running)])

    def of_kind(self, kind: str) -> list[RunningSource]:
        """The sources of a kind."""
        return [each for each in self if each.settings.kind == kind]

    def named(self, name: str) -> RunningSource | None:
        """The source of this name."""
        return self._running.get(name)

    def implied(self, name: str, settings: SourceSettings, context: SourceContext) -> RunningSource:
        """A source that is not configured, for deliveries without one. ``keep`` adds it to the others."""
        if name not in self._implied:
            self._implied[name] = self._built(name, settings, context, None)
        return self._implied[name]

    def keep(self, running: RunningSource) -> None:
        """An implied source has taken something: it is one of the others until the next ``configure``."""
        if self._implied.get(running.name) is running:
            self._running.setdefault(running.name, running)

    def sink(self, running: RunningSource) -> EventSink:
        """A sink for what is pushed to a source. Senders cannot flood the log, whatever they send."""
        return self._sink(running, self._log, running.push_log.warn)

    def _sink(
        self, running: RunningSource, log: Appendable, warn: Callable[..., None] = sink_logger.warning
    ) -> EventSink:
        return EventSink(
            running.name,
            log=log,
            indexes=self.indexes,
            health=running.health,
            in_flight=running.in_flight,
            warn=warn,
        )

    def cursor_ms(self, running: RunningSource) -> int | None:
        """The moment up to which a source has been read."""
        return cursor_of(self._store, running.name, running.source)

    def open_items(self, running: RunningSource) -> int:
        """How many incidents of a source are open."""
        return self.indexes.open_incidents.count(running.name)

    async def configure(self, settings: Mapping[str, SourceSettings], context: SourceContext) -> None:
        """Starts, restarts and stops sources to match ``settings``, by name. Unchanged sources are not interrupted.

        A removed source's events stay.
        """
        self._implied.clear()
        for name in [name for name in self._running if name not in settings]:
            del self._running[name]  # first: a new start during the stop must not find it
            await self._schedule.drop(_job_of(name))
            logger.info("source removed source=%s", name)
        for name, wanted in settings.items():
            old = self._running.get(name)
            if old is None or (old.settings, old.context) != (wanted, context):
                await self._schedule.drop(_job_of(name))
                self._start(name, wanted, context, old)

    async def start_over(self) -> None:
        """Cancels running passes and resets health, because the leading replica changed."""
        for name, old in list(self._running.items()):
            await self._schedule.drop(_job_of(name))
            if self._running.get(name) is old:  # no reload came in between
                self._start(name, old.settings, old.context, None)

    def _start(self, name: str, settings: SourceSettings, context: SourceContext, old: RunningSource | None) -> None:
        running = self._running[name] = self._built(name, settings, context, old)
        source, health = running.source, running.health
        if source.interval_ms is not None:
            poller = Poller(
                running.name, source, store=self._store, log=self._pass_log, clock=self._clock, health=health
            )

            async def poll() -> float | None:
                if not self._leads():
                    return _LOOK_AGAIN_SECONDS
                return await poller.run(self._sink(running, self._pass_log))

            self._schedule.every(
                source.interval_ms / 1000,
                poll,
                name=_job_of(name),
                first_within=_FIRST_WITHIN_SECONDS,
            )

    def _built(
        self, name: str, settings: SourceSettings, context: SourceContext, old: RunningSource | None
    ) -> RunningSource:
        """Builds a source. It keeps the health of the source it replaces if the kind is the same."""
        return RunningSource(
            name=name,
            settings=settings,
            context=context,
            source=KINDS[settings.kind](name, settings, context),
            health=old.health if old is not None and old.settings.kind == settings.kind else Health(),
            in_flight=self._in_flight.setdefault(name, {}),  # what was pushed may still be on its way
        )


def _job_of(name: str) -> str:
    return f"source {name}"
