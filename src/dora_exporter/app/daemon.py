"""The composition root: builds every object of the daemon, and fixes the order of its start and stop."""

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Collection, Coroutine
from contextlib import AsyncExitStack

from aiohttp import web

from dora_exporter import __version__
from dora_exporter.app import telemetry
from dora_exporter.app.commit_discovery import CommitSearch
from dora_exporter.app.derived_settings import definitions, definitions_in
from dora_exporter.app.event_loop import new_event_loop
from dora_exporter.app.http_access import Entrance
from dora_exporter.app.metrics_service import MetricsService
from dora_exporter.app.reload import Configuration
from dora_exporter.app.settings import ConfigError, Settings
from dora_exporter.app.storage import Role, storage
from dora_exporter.app.telemetry.sources import SourceCollector
from dora_exporter.commits.shipped_commits.excluded_authors import Authors
from dora_exporter.dora.event_log import EventLog
from dora_exporter.dora.store import EventStore
from dora_exporter.exposition import OwnFamilies
from dora_exporter.runtime.clock import Clock, stopwatch, system_clock
from dora_exporter.runtime.cooperative import in_background
from dora_exporter.runtime.file_limit import raise_file_limit
from dora_exporter.runtime.log_format import LOG, off_the_loop, set_up
from dora_exporter.runtime.scheduler import Schedule
from dora_exporter.sources.contract import SourceContext
from dora_exporter.sources.http.client import Transport
from dora_exporter.sources.polling import OpenIncidents, RunningSources
from dora_exporter.storage.file import SnapshotError
from dora_exporter.storage.postgresql.errors import DatabaseError
from dora_exporter.web import management, pages, scrape
from dora_exporter.web.api import explain, git_metadata
from dora_exporter.web.api.schema.unknown_attributes import UnknownAttributes
from dora_exporter.web.application import EVENT_OPERATIONS, application, event_routes, runner
from dora_exporter.web.openapi import management as surface
from dora_exporter.web.server import route_prefix
from dora_exporter.web.server.listener import CannotListen, listen
from dora_exporter.web.server.readiness import gate
from dora_exporter.web.server.rejections import counting
from dora_exporter.web.webhooks import endpoint as webhooks

logger = logging.getLogger(__name__)

_MAINTENANCE_SECONDS = 60
_REFRESH_SECONDS = 5
_CATCH_UP_SECONDS = 1


Companion = Callable[[EventLog], Coroutine[None, None, None]]
"""Something that writes events while the daemon runs, from when it is ready."""


def serve(settings: Settings, *, load: Callable[[], Settings], companion: Companion | None = None) -> int:
    """Runs the daemon until it is told to stop; the exit code. ``load`` reads the settings again."""
    with off_the_loop():
        raise_file_limit()
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as loop:
                loop.run(_serve(settings, load, companion))
        except (ConfigError, SnapshotError, DatabaseError, CannotListen) as reason:
            logger.error("cannot start reason=%s", reason)
            return 1
    return 0


async def _serve(settings: Settings, load: Callable[[], Settings], companion: Companion | None) -> None:
    stopped = asyncio.Event()
    daemon = Daemon(settings, load)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, daemon.reload_soon)
    starting = asyncio.create_task(daemon.start(companion))
    stopping = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            await starting
            await stopping
        logger.info("stopping")
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await daemon.stop()
    logger.info("stopped")


class Daemon:
    """The objects of a running daemon."""

    def __init__(self, settings: Settings, load: Callable[[], Settings], *, clock: Clock = system_clock) -> None:
        """Builds everything; starts nothing."""
        self._settings = settings
        self._clock = clock
        self._is_ready = False
        self._replay_seconds: float | None = None
        self._store = EventStore()
        self._storage = storage(settings, clock=self._clock, replay_seconds=lambda: self._replay_seconds)
        self._entrance = Entrance(settings)
        self._configuration = Configuration(settings, load=load, use=self._use, clock=self._clock)
        self._event_counts = telemetry.EventCounts()
        self._rejections = telemetry.RejectionCounts()
        self._unknown_attributes = UnknownAttributes()
        self._commits = CommitSearch(
            store=self._store,
            log=self._storage.replication.leader_log,
            clock=self._clock,
            folder=settings.git_folder,
            settings=settings.git,
            repositories=settings.repositories,
            pull_requests=settings.pull_requests,
            authors=Authors(settings.commits.exclude_authors),
            patterns={name: each.source_patterns for name, each in settings.services.items() if each.source_patterns},
        )
        self._schedule = Schedule(clock=self._clock)
        self._transport = Transport(clock=self._clock)
        self._open_incidents = OpenIncidents(self._store)
        self._sources = RunningSources(
            store=self._store,
            log=self._storage.log,
            pass_log=self._storage.replication.leader_log,
            leads=lambda: self._storage.replication.leads,
            clock=self._clock,
            schedule=self._schedule,
            open_incidents=self._open_incidents,
        )
        registry = telemetry.new_registry()
        self._numbers = MetricsService(
            self._store, own=OwnFamilies(registry), definitions=definitions(settings), clock=self._clock
        )
        for collector in (
            self._event_counts,
            self._rejections,
            telemetry.UnknownAttributeCounts(self._unknown_attributes.counts),
            telemetry.HeldEvents(self._store),
            telemetry.SeriesCollector(lambda: self._numbers.engine),
            self._storage.collector,
            telemetry.ConfigCollector(self._configuration),
            telemetry.LogCollector(LOG),
            telemetry.LevelThresholds(lambda: self._configuration.settings.levels.edition),
            SourceCollector(self._sources),
            self._commits.collector,
        ):
            registry.register(collector)
        self._runner = runner(self._application(), prefix=settings.web.prefix)
        self._companion: asyncio.Task[None] | None = None
        self._rendering: asyncio.Task[None] | None = None
        self._reloads: set[asyncio.Task[str | None]] = set()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The hosts and ports on which it listens."""
        return [(host, port) for host, port, *_ in self._runner.addresses]

    def routes(self) -> Collection[web.AbstractRoute]:
        """Every route that it serves."""
        return self._runner.app.router.routes()

    async def start(self, companion: Companion | None = None) -> None:
        """Listens, reads what was kept, and takes requests."""
        logger.info("starting version=%s snapshot=%s", __version__, self._settings.snapshot.path)
        await self._storage.open()
        await self._runner.setup()
        await listen(self._runner, self._settings.web.listen_addresses, self._entrance.ssl_context)
        await self._replay()
        await self._storage.start(self._store, self._event_counts)
        self._schedule.start()
        self._schedule.every(_MAINTENANCE_SECONDS, self._maintain, name="maintenance")
        self._schedule.every(_CATCH_UP_SECONDS, self._numbers.keep_up, name="numbers")
        self._schedule.every(_REFRESH_SECONDS, self._entrance.refresh, name="web configuration")
        await self._commits.start()
        await self._transport.open()
        await self._sources.configure(self._settings.sources, self._source_context(self._settings))
        await self._storage.replication.join(
            Role(lead=self._lead, follow=self._follow, uploads=self._commits.uploads, wake=self._commits.wake)
        )
        self._is_ready = True
        self._rendering = in_background(self._render(), name="first rendering")  # events are taken meanwhile
        if companion:
            self._companion = in_background(companion(self._storage.log), name="companion")
        logger.info(
            "ready deployments=%d incidents=%d series=%d seconds=%.1f",
            len(self._store.deployments),
            len(self._store.incidents),
            self._numbers.engine.series,
            self._replay_seconds,
        )

    async def stop(self) -> None:
        """Finishes requests, and commits what they brought."""
        async with AsyncExitStack() as ending:  # from the last to the first, each whatever another one raises
            ending.push_async_callback(self._storage.close)
            ending.push_async_callback(self._commits.close)
            ending.push_async_callback(self._runner.cleanup)
            ending.push_async_callback(self._transport.close)
            ending.push_async_callback(self._storage.replication.retire)
            ending.callback(self._commits.end_git)
            ending.push_async_callback(self._schedule.stop)
            ending.callback(gc.enable)
            tasks = [task for task in (self._companion, self._rendering, *self._reloads) if task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def reload_soon(self) -> None:
        """Reads the configuration again, once the daemon is ready."""
        if not self._is_ready:
            logger.warning("reload ignored reason=%s", "the daemon is starting")
            return
        task = in_background(self._configuration.reload(), name="reload")
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    def _application(self) -> web.Application:
        reload = self._configuration.reload if self._settings.web.enable_lifecycle else None
        operations = (
            *EVENT_OPERATIONS,
            *explain.OPERATIONS,
            *git_metadata.OPERATIONS,
            *webhooks.OPERATIONS,
            *surface.OPERATIONS,
            *pages.OPERATIONS,
        )
        access, rules, may_write = self._entrance.access, self._entrance.rules, self._entrance.may_write
        return application(
            routes=[
                *route_prefix.routes(self._settings.web.prefix),
                *event_routes(
                    store=self._store,
                    log=self._storage.log,
                    clock=self._clock,
                    rules=rules,
                    access=access,
                    superseded=self._numbers.superseded,
                    unknown=self._unknown_attributes,
                ),
                *self._commits.routes(rules=rules, access=access, share=self._storage.replication.share),
                *webhooks.routes(
                    sources=self._sources,
                    context=lambda: self._source_context(self._configuration.settings),
                    may_write=may_write,
                    clock=self._clock,
                ),
                *explain.routes(engine=self._numbers.current, why_unknown=self._commits.why_unknown, access=access),
                *scrape.routes(exposition=lambda: self._numbers.exposition),
                *management.routes(is_ready=lambda: self._is_ready, reload=reload),
                *pages.routes(
                    engine=self._numbers.current,
                    sources=self._sources,
                    why_unknown=self._commits.why_unknown,
                    edition=lambda: self._configuration.settings.levels.edition,
                    clock=self._clock,
                    access=access,
                    url=self._settings.web.url,
                    operations=operations,
                ),
            ],
            operations=operations,
            access=access,
            middlewares=[
                counting(self._rejections.count),
                *self._entrance.middlewares(),
                gate(lambda: self._is_ready),
                *self._storage.replication.middlewares,
            ],
            on_prepare=self._entrance.on_prepare(),
            url=self._settings.web.url,
        )

    async def _replay(self) -> None:
        """Rebuilds the state."""
        begun = stopwatch()
        gc.disable()
        if await self._storage.resume(self._store):
            self._open_incidents.load()
        async for records in self._storage.replay():
            self._store.apply_all(records)
        await self._numbers.load()
        self._store.observe(self._event_counts.observe)
        self._replay_seconds = stopwatch() - begun

    async def _render(self) -> None:
        """Does the work of a first scrape. What is made until then stays: no search for garbage need look at it."""
        try:
            await self._numbers.render()
        finally:
            gc.freeze()
            gc.enable()

    async def _maintain(self) -> None:
        await self._storage.maintain(self._configuration.settings.retention.ms)

    async def _lead(self) -> None:
        """Takes over what only one replica does."""
        if self._is_ready:  # what sources remember is as old as their last turn
            await self._sources.start_over()
        await self._commits.lead()

    async def _follow(self) -> None:
        """Leaves to another replica what only one does."""
        await self._sources.start_over()
        await self._commits.follow()

    def _source_context(self, settings: Settings) -> SourceContext:
        return SourceContext(
            transport=self._transport,
            clock=self._clock,
            default_environment=settings.default_environment,
            longest_window_ms=max(window.ms for window in settings.windows),
        )

    async def _use(self, settings: Settings) -> None:
        """Puts reloaded settings into effect; raises ConfigError."""
        await self._entrance.use(settings)
        set_up(settings.log.level, settings.log.format)
        if definitions_in(settings) != definitions_in(self._configuration.settings):
            await self._numbers.define(definitions(settings))
        await self._sources.configure(settings.sources, self._source_context(settings))
