"""A PagerDuty account and the daemon's half that follows it: store, log, sources, and a clock turned by hand."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp.test_utils import TestServer
from tests.builders import HOUR_MS, ManualClock
from tests.sources.deliveries import delivery_head
from tests.sources.fake_pagerduty import FakePagerDuty
from tests.sources.memory_log import MemoryLog, replayed

from dora_exporter.dora.events import DAY_MS, Incident
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.scheduler import Schedule
from dora_exporter.sources.contract import SourceContext
from dora_exporter.sources.http.client import RetryTiming, Transport
from dora_exporter.sources.pagerduty.settings import PagerDutySettings
from dora_exporter.sources.pagerduty.source import PagerDuty
from dora_exporter.sources.polling import Health, RunningSource, RunningSources
from dora_exporter.sources.polling.poller import Poller

NAME = "pd"
BACKFILL_MS = 90 * DAY_MS


@dataclass
class Account:
    """The fake, and what the daemon knows of it."""

    fake: FakePagerDuty
    clock: ManualClock
    base_url: str
    transport: Transport
    slept: list[float]
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lines: list[bytes] = []
        self.settings = {"base_url": self.base_url, "token": self.fake.token, **self.settings}

    async def start(self, **changes: object) -> None:
        """Starts the daemon's half from what its log holds, with the settings that the test changes."""
        self.settings |= changes
        self.store: EventStore = replayed(self.lines)
        self.log = MemoryLog(self.store.apply_all)
        self.log.lines = self.lines
        self.schedule = Schedule()
        self.sources = RunningSources(
            store=self.store,
            log=self.log,
            clock=self.clock,
            schedule=self.schedule,
        )
        given = {name: value for name, value in self.settings.items() if value is not None}
        await self.sources.configure({NAME: PagerDutySettings(**given)}, self.context)

    @property
    def context(self) -> SourceContext:
        return SourceContext(
            transport=self.transport, clock=self.clock, default_environment="none", longest_window_ms=BACKFILL_MS
        )

    @property
    def host(self) -> str:
        """Where the account is, with its port."""
        return self.base_url.removeprefix("http://").rstrip("/")

    @property
    def running(self) -> RunningSource:
        return next(iter(self.sources))

    async def poll(self, *, after_ms: int = 60_000) -> Health:
        """One pass, a minute after the last thing that happened."""
        self.clock.advance(after_ms)
        running = self.running
        poller = Poller(
            running.name, running.source, store=self.store, log=self.log, clock=self.clock, health=running.health
        )
        await poller.run(self.sources.sink(running))
        return running.health

    async def poll_twice(self, apart_ms: int) -> None:
        """Two passes, so far apart that the second one moves the overlap beyond what the first one saw."""
        await self.poll()
        await self.poll(after_ms=apart_ms)

    async def push(self, delivery: Mapping[str, Any], *, dd_env: str | None = None) -> None:
        """One webhook."""
        source = self.running.source
        assert isinstance(source, PagerDuty)
        sink = self.sources.sink(self.running)
        head = delivery_head({} if dd_env is None else {"dd_env": dd_env}, received_ms=self.clock())
        await source.ingest(head, json.dumps(delivery).encode(), sink)

    def incident(self, upstream_id: str) -> Incident:
        return self.store.incidents[f"{NAME}:{upstream_id}"]

    @property
    def items(self) -> dict[str, int]:
        health = self.running.health
        ignored = {f"ignored: {reason.value}": count for reason, count in health.ignored.items()}
        return {outcome: count for outcome, count in {**health.items, **ignored}.items() if count}


@asynccontextmanager
async def an_account(**settings: object) -> AsyncIterator[Account]:
    """A new account, and a daemon that has just started. Waiting takes no time, but moves the clock."""
    clock = ManualClock()
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(round(seconds * 1000))

    transport = Transport(clock=clock, retry_timing=RetryTiming(sleep=sleep, chance=lambda: 0.5))
    fake = FakePagerDuty(clock)
    clock.advance(-HOUR_MS)
    async with TestServer(fake.application()) as server:
        await transport.open()
        try:
            account = Account(fake, clock, str(server.make_url("")), transport, slept, settings)
            await account.start()
            yield account
        finally:
            await transport.close()


def signature(body: bytes, secret: str) -> str:
    """One signature, as PagerDuty writes it."""
    return "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
