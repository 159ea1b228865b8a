"""The composition root: builds the objects of a daemon from its settings."""

from collections.abc import Callable, Iterator

from prometheus_client.registry import Collector

from dora_exporter.app import telemetry
from dora_exporter.app.commit_discovery import CommitSearch
from dora_exporter.app.configured_sources import ConfiguredSources
from dora_exporter.app.derived_settings import definitions
from dora_exporter.app.http_access import HttpAccess
from dora_exporter.app.metrics_service import MetricsService
from dora_exporter.app.reload import Configuration
from dora_exporter.app.settings import Settings
from dora_exporter.app.startup import Startup
from dora_exporter.app.storage import storage
from dora_exporter.dora.changes import WriteCounts
from dora_exporter.dora.store import EventStore
from dora_exporter.exposition import OwnFamilies, Stamp
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.log_setup import LOG, set_up
from dora_exporter.runtime.scheduler import Schedule
from dora_exporter.web.api.schema.decode import UnknownAttributes
from dora_exporter.web.pages.kept_lines import KeptLines

_RENEWAL_SECONDS = 5
"""An observer that met a fault is wrong for so long at most, and reads the whole store no more often."""


class Components:
    """What works together in a daemon. Nothing runs yet, and nothing is read but the web configuration file."""

    def __init__(self, settings: Settings, load: Callable[[], Settings], *, clock: Clock) -> None:
        """``load`` reads the settings again. Raises ``ConfigError`` and ``DatabaseError``."""
        self.settings = settings
        self.clock = clock
        self.startup = Startup()
        self.store = EventStore()
        self.schedule = Schedule(clock=clock)
        self.schedule.every(_RENEWAL_SECONDS, self.store.observers.renew, name="observers")
        self.storage = storage(settings, clock=clock, replay_seconds=lambda: self.startup.replay_seconds)
        self.access = HttpAccess(settings)
        self.sources = ConfiguredSources(
            settings, store=self.store, storage=self.storage, schedule=self.schedule, clock=clock
        )
        log = self.storage.replication.leader_log
        self.commits = CommitSearch(settings, store=self.store, log=log, clock=clock, lend=self.sources.lend)
        own = OwnFamilies(telemetry.new_registry())
        self.metrics = MetricsService(self.store, own=own, definitions=definitions(settings), clock=clock)
        users = (self.access.use, _use_log, self.metrics.use, self.commits.use, self.sources.use)
        self.configuration = Configuration(settings, load=load, users=users, clock=clock)
        self.lines = KeptLines(engine=self.metrics.current, edition=self.configuration.edition)
        self.writes = WriteCounts()
        self.rejections = telemetry.RejectionCounts()
        self.unknown_attributes = UnknownAttributes()
        for collector, stamp in self._collectors():
            own.add(collector, stamp)

    def _collectors(self) -> Iterator[tuple[Collector, Stamp | None]]:
        """The daemon's own families, in the order in which they are exposed, and what writes to events do to them.

        What else changes them is activity, or is shown within a second.
        """
        observers = self.store.observers
        yield telemetry.EventCounts(self.writes), lambda: observers.notified
        yield self.rejections, None
        unknown = self.unknown_attributes.counts
        yield telemetry.UnknownAttributeCounts(unknown), unknown.total
        yield telemetry.HeldEvents(self.store), lambda: observers.notified
        yield telemetry.SeriesCollector(lambda: self.metrics.engine), self._numbers
        yield telemetry.UnmappedNames(lambda: self.metrics.engine), self._names
        yield self.storage.collector, lambda: observers.notified
        yield telemetry.ConfigCollector(self.configuration), None
        yield telemetry.LogCollector(LOG), None
        yield telemetry.LevelThresholds(self.configuration.edition), None
        yield telemetry.EnvironmentTiers(lambda: self.metrics.engine), self._names
        yield telemetry.SourceCollector(self.sources.running), lambda: observers.notified_linked
        yield self.commits.collector, lambda: observers.notified_linked

    def _numbers(self) -> object:
        return self.store.observers.notified, self.metrics.exposed.now.published

    def _names(self) -> object:
        return len(self.store.series_order), self.metrics.engine.aggregates.turnover


async def _use_log(settings: Settings) -> None:
    set_up(settings.log.level, settings.log.format)
