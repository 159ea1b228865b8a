"""A GitHub source in the daemon's half that tests need: store, log, sources, endpoint, and a clock turned by hand."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from tests.builders import DAY_MS, ManualClock
from tests.sources.deliveries import delivery_head
from tests.sources.memory_log import MemoryLog, replayed

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.scheduler import Schedule
from dora_exporter.sources.contract import SourceContext
from dora_exporter.sources.github.settings import GitHubSettings
from dora_exporter.sources.github.source import GitHub
from dora_exporter.sources.http.client import RetryTiming, Transport
from dora_exporter.sources.polling import Health, RunningSource, RunningSources
from dora_exporter.sources.polling.poller import Poller
from dora_exporter.web.application import application
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.webhooks import endpoint

NAME = "gh"
SECRET = "secret-of-the-webhook"
RECORDED = Path(__file__).with_name("github_recorded")
WINDOW_MS = 90 * DAY_MS


def recorded(name: str) -> dict[str, Any]:
    """A delivery that GitHub made."""
    body: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return body


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The header that proves a body."""
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


@dataclass
class GitHubDaemon:
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
        await self.sources.configure({NAME: GitHubSettings(**self.settings)}, self.context)

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

    async def push(self, kind: str, body: Mapping[str, Any] | bytes, **headers: str) -> int:
        """One signed delivery to the endpoint; gives the status."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        said = {"X-GitHub-Event": kind, "X-GitHub-Delivery": "d1", **signed(sent)}
        return await self.post(sent, {**said, **{name.replace("_", "-"): value for name, value in headers.items()}})

    async def push_straight(self, kind: str, body: Mapping[str, Any]) -> bool:
        """One delivery without a socket; whether it was understood."""
        source, sink = self.running.source, self.sources.sink(self.running)
        assert isinstance(source, GitHub)
        head = delivery_head({"X-GitHub-Event": kind}, received_ms=self.clock())
        await source.ingest(head, json.dumps(body).encode(), sink)
        return sink.first_problem is None

    async def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Any request to the endpoint."""
        routes = endpoint.routes(
            sources=self.sources, context=lambda: self.context, may_write=lambda _: False, clock=self.clock
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
    def told(self) -> list[tuple[str, str, str]]:
        """What the page of sources shows of the deliveries."""
        return [(each.kind, each.outcome, each.reason) for each in self.running.health.deliveries]


@asynccontextmanager
async def a_daemon(**settings: object) -> AsyncIterator[GitHubDaemon]:
    """A daemon that has just started. Waiting takes no time, but moves the clock."""
    clock = ManualClock()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(round(seconds * 1000))

    transport = Transport(clock=clock, retry_timing=RetryTiming(sleep=sleep, chance=lambda: 0.5))
    await transport.open()
    try:
        daemon = GitHubDaemon(clock, transport, slept, {"webhook_secrets": [SECRET], **settings})
        await daemon.start()
        yield daemon
    finally:
        await transport.close()
