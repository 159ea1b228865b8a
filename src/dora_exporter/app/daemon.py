"""Runs the daemon: the order in which its parts start and stop, and the signals that it obeys."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import AsyncExitStack

from aiohttp import web

from dora_exporter import __version__
from dora_exporter.app.background import BackgroundTasks
from dora_exporter.app.components import Components
from dora_exporter.app.endpoints import application_of
from dora_exporter.app.event_loop import new_event_loop
from dora_exporter.app.http_server import HttpServer
from dora_exporter.app.leadership import Leadership
from dora_exporter.app.loading import Loading
from dora_exporter.app.page import configured_page, page_at
from dora_exporter.app.regular_work import RegularWork
from dora_exporter.app.settings import Settings
from dora_exporter.config.errors import ConfigError
from dora_exporter.dora.event_log import EventLog
from dora_exporter.runtime.clock import Clock, system_clock
from dora_exporter.runtime.file_limit import raise_file_limit
from dora_exporter.runtime.log_setup import off_the_loop
from dora_exporter.storage.file import SnapshotError
from dora_exporter.storage.postgresql.errors import DatabaseError
from dora_exporter.web.server.listener import CannotListen

logger = logging.getLogger(__name__)

Companion = Callable[[EventLog, str], Coroutine[None, None, None]]
"""Something that writes events while the daemon runs, from when it is ready; it is told the URL of the first page."""


def serve(settings: Settings, *, load: Callable[[], Settings], companion: Companion | None = None) -> int:
    """Runs the daemon until a signal stops it; returns the exit code. ``load`` reads the settings again."""
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
    daemon = Daemon(settings, load, companion=companion)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, daemon.reload_soon)
    starting = asyncio.create_task(daemon.start())
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
    """A daemon of parts that each start and stop themselves."""

    def __init__(
        self,
        settings: Settings,
        load: Callable[[], Settings],
        *,
        companion: Companion | None = None,
        clock: Clock = system_clock,
    ) -> None:
        """Builds everything; starts nothing."""
        self.components = parts = Components(settings, load, clock=clock)
        self._server = HttpServer(application_of(parts), settings.web, parts.access.ssl_context)
        self._loading = Loading(
            parts.storage,
            parts.store,
            indexes=parts.sources.running.indexes,
            metrics=parts.metrics,
            writes=parts.writes,
            startup=parts.startup,
        )
        self._leadership = Leadership(
            parts.storage.replication, sources=parts.sources.running, commits=parts.commits, startup=parts.startup
        )
        self.regular_work = RegularWork(
            parts.schedule,
            storage=parts.storage,
            metrics=parts.metrics,
            access=parts.access,
            configuration=parts.configuration,
            lines=parts.lines,
        )
        self._background = BackgroundTasks()
        self._companion = companion
        self._started = AsyncExitStack()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The hosts and ports on which it listens."""
        return self._server.addresses

    def routes(self) -> Collection[web.AbstractRoute]:
        """Every route that it serves."""
        return self._server.application.router.routes()

    async def start(self) -> None:
        """Starts part by part: listens, reads what was kept, and serves requests."""
        parts = self.components
        web, is_tls = parts.settings.web, parts.access.ssl_context is not None
        page = configured_page(web, is_tls=is_tls)
        logger.info("starting version=%s snapshot=%s page=%s", __version__, parts.settings.snapshot.path, page)
        await self._start(parts.storage.open, parts.storage.close)
        self._started.push_async_callback(parts.commits.uploads.workers.close)  # requests may still wait for them
        await self._start(self._server.start, self._server.stop)
        await self._start(self._loading.start, self._loading.stop)
        await self._start(parts.commits.start, parts.commits.stop)
        await self._start(parts.sources.start, parts.sources.stop)
        await self._start(self._leadership.start, self._leadership.stop)
        await self._start(self.regular_work.start, self.regular_work.stop)
        self._started.push_async_callback(self._background.stop)
        parts.startup.ready.set()
        self._background.start(self._loading.render(), name="first rendering")
        page = page_at(web, *self.addresses[0], is_tls=is_tls)
        if self._companion:
            self._background.start(self._companion(parts.storage.log, page), name="companion")
        logger.info(
            "ready deployments=%d incidents=%d series=%d seconds=%.1f page=%s",
            len(parts.store.deployments),
            len(parts.store.incidents),
            parts.metrics.engine.census.series,
            parts.startup.replay_seconds,
            page,
        )

    async def stop(self) -> None:
        """Stops the parts that were started, from the last to the first, each whatever another one raises."""
        await self._started.aclose()

    def reload_soon(self) -> None:
        """Reads the configuration again, once the daemon is ready."""
        if not self.components.startup.ready.is_set():
            logger.warning("reload ignored reason=%s", "the daemon is starting")
            return
        self._background.start(self._reload(), name="reload")

    async def _reload(self) -> None:
        try:
            await self.components.configuration.reload()
        finally:
            self.components.metrics.activity.count += 1

    async def _start(self, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]) -> None:
        """Starts a part. ``stop`` undoes that too when it fails or is interrupted half way."""
        self._started.push_async_callback(stop)
        await start()
