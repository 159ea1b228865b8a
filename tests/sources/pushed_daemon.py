"""A source that is pushed to and polled, in the daemon's half that tests need: store, log, sources and endpoint."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from aiohttp.test_utils import TestClient, TestServer
from tests.builders import DAY_MS, ManualClock
from tests.sources.memory_log import MemoryLog, replayed

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.scheduler import Schedule
from dora_exporter.sources.contract import SourceContext
from dora_exporter.sources.http.client import RetryTiming, Transport
from dora_exporter.sources.polling import Health, RunningSource, RunningSources
from dora_exporter.sources.polling.poller import Poller
from dora_exporter.sources.settings import SourceSettings
from dora_exporter.web.application import application
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.webhooks import endpoint

SECRET = "secret-of-the-webhook"
WINDOW_MS = 90 * DAY_MS


@dataclass
class PushedDaemon:
    """The source, and what is held of it; ``lines`` is the log, which outlives a restart."""

    NAME: ClassVar[str]
    SETTINGS: ClassVar[type[SourceSettings]]

    clock: ManualClock
    transport: Transport
    slept: list[float] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    lines: list[bytes] = field(default_factory=list)

    async def start(self, **changes: object) -> None:
        """Starts from what the log holds, with the settings that the test changes."""
        self.settings |= changes
        self.store: EventStore = replayed(self.lines)
        self.log = MemoryLog(self.store.apply_all)
        self.log.lines = self.lines
        self.sources = RunningSources(store=self.store, log=self.log, clock=self.clock, schedule=Schedule())
        await self.sources.configure({self.NAME: self.SETTINGS(**self.settings)}, self.context)

    @property
    def context(self) -> SourceContext:
        return SourceContext(
            transport=self.transport, clock=self.clock, default_environment="none", longest_window_ms=WINDOW_MS
        )

    @property
    def running(self) -> RunningSource:
        return next(iter(self.sources))

    async def poll(self) -> Health:
        """One pass."""
        running = self.running
        poller = Poller(
            self.NAME, running.source, store=self.store, log=self.log, clock=self.clock, health=running.health
        )
        await poller.run(self.sources.sink(running))
        return running.health

    async def post(self, body: bytes, headers: Mapping[str, str], query: str = "", *, path: str | None = None) -> int:
        """Any request to the endpoint; gives the status. The daemon's key is ``k``."""
        routes = endpoint.routes(
            sources=self.sources,
            context=lambda: self.context,
            may_write=lambda request: request.headers.get("DD-API-KEY") == "k",
            clock=self.clock,
        )
        server = TestServer(application(routes=routes, operations=(), access=Access(api_keys=["k"])))
        await server.start_server(auto_decompress=False)
        path = path or f"/webhooks/{self.NAME}{query}"
        async with TestClient(server) as client, client.post(path, data=body, headers=headers) as answer:
            return answer.status

    @property
    def deployments(self) -> list[Deployment]:
        """What is held."""
        return list(self.store.deployments.values())

    @property
    def incidents(self) -> list[Incident]:
        """What is held."""
        return list(self.store.incidents.values())

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """What the page of sources shows of the deliveries."""
        return [(each.kind, each.outcome, each.reason) for each in self.running.health.deliveries]


Kind = TypeVar("Kind", bound=PushedDaemon)


@asynccontextmanager
async def started(kind: type[Kind], **settings: object) -> AsyncIterator[Kind]:
    """A daemon that has just started. Waiting takes no time, but moves the clock."""
    clock = ManualClock()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(round(seconds * 1000))

    transport = Transport(clock=clock, retry_timing=RetryTiming(sleep=sleep, chance=lambda: 0.5))
    await transport.open()
    try:
        daemon = kind(
            clock,
            transport,
            slept,
            {**({"webhook_secrets": [SECRET]} if "webhook_secrets" in kind.SETTINGS.model_fields else {}), **settings},
        )
        await daemon.start()
        yield daemon
    finally:
        await transport.close()
