"""A GitLab source in the daemon's half that tests need: store, log, sources, endpoint, and a clock turned by hand."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from tests.builders import DAY_MS, ManualClock
from tests.sources.memory_log import MemoryLog, replayed

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.scheduler import Schedule
from dora_exporter.sources.contract import SourceContext
from dora_exporter.sources.gitlab.settings import GitLabSettings
from dora_exporter.sources.http.client import RetryTiming, Transport
from dora_exporter.sources.polling import Health, RunningSource, RunningSources
from dora_exporter.sources.polling.poller import Poller
from dora_exporter.web.application import application
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.webhooks import endpoint

NAME = "gl"
SECRET = "secret-of-the-webhook"
WINDOW_MS = 90 * DAY_MS


@dataclass
class GitLabDaemon:
    """The source, and what is held of it; ``lines`` is the log, which outlives a restart."""

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
        self.sources = RunningSources(
            store=self.store,
            log=self.log,
            clock=self.clock,
            schedule=Schedule(),
        )
        await self.sources.configure({NAME: GitLabSettings(**self.settings)}, self.context)

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
        poller = Poller(NAME, running.source, store=self.store, log=self.log, clock=self.clock, health=running.health)
        await poller.run(self.sources.sink(running))
        return running.health

    async def push(self, kind: str, body: Mapping[str, Any] | bytes) -> int:
        """One delivery with the secret token; gives the status."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.post(sent, {"X-Gitlab-Event": kind, "X-Gitlab-Token": SECRET})

    async def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Any request to the endpoint."""
        routes = endpoint.routes(
            sources=self.sources,
            context=lambda: self.context,
            may_write=lambda request: request.headers.get("DD-API-KEY") == "k",
            clock=self.clock,
        )
        served = application(routes=routes, operations=(), access=Access(api_keys=["k"]))
        server = TestServer(served)
        await server.start_server(auto_decompress=False)
        async with TestClient(server) as client, client.post(f"/webhooks/{NAME}", data=body, headers=headers) as answer:
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


@asynccontextmanager
async def a_daemon(**settings: object) -> AsyncIterator[GitLabDaemon]:
    """A daemon that has just started. Waiting takes no time, but moves the clock."""
    clock = ManualClock()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(round(seconds * 1000))

    transport = Transport(clock=clock, retry_timing=RetryTiming(sleep=sleep, chance=lambda: 0.5))
    await transport.open()
    try:
        daemon = GitLabDaemon(clock, transport, slept, {"webhook_secrets": [SECRET], **settings})
        await daemon.start()
        yield daemon
    finally:
        await transport.close()
