"""Polls a source as the daemon does, against a server of the test."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import TypeAdapter
from tests.builders import ManualClock
from tests.sources.store_sink import StoreSink

from dora_exporter.dora.events import DAY_MS
from dora_exporter.sources import KINDS, AnySettings
from dora_exporter.sources.contract import Memory, Source, SourceContext
from dora_exporter.sources.http.client import RetryTiming, Transport

NAME = "apm"
WINDOW_MS = 30 * DAY_MS
"""How far back a first pass reads unless a test says otherwise."""
_settings: TypeAdapter[Any] = TypeAdapter(AnySettings)


@dataclass
class Poller:
    """A source, and what the daemon would hold and remember of it: what a pass returns counts when it went well."""

    context: SourceContext
    clock: ManualClock
    settings: Mapping[str, Any]
    sink: StoreSink
    memory: Memory = field(default_factory=dict)
    source: Source = field(init=False)

    def __post_init__(self) -> None:
        """Starts the source."""
        self.restart()

    def restart(self, **changes: object) -> None:
        """Starts the source anew, with changed settings; as in the daemon, some changes make it forget."""
        before = getattr(self, "source", None)
        self.settings = {**self.settings, **changes}
        settings = _settings.validate_python(self.settings)
        self.source = KINDS[settings.kind](NAME, settings, self.context)
        if before is not None and before.fingerprint != self.source.fingerprint:
            self.memory = {}

    async def poll(self) -> None:
        """One pass."""
        self.memory = await self.source.poll(self.memory, self.sink, now_ms=self.clock())

    @property
    def found(self) -> list[tuple[str, str, str | None, int]]:
        """Service, environment, version and start of each deployment held, in time order."""
        held = sorted(self.sink.store.deployments.values(), key=lambda each: (each.started_at, each.id))
        return [(each.service, each.environment, each.version, each.started_at) for each in held]


async def no_sleep(_seconds: float) -> None:
    """Waits no time."""
    return


@asynccontextmanager
async def polled(application: web.Application, *, address_in: str, **settings: object) -> AsyncIterator[Poller]:
    """A source that finds the address of the application in the setting ``address_in``."""
    clock = ManualClock()
    transport = Transport(clock=clock, retry_timing=RetryTiming(sleep=no_sleep))
    context = SourceContext(transport=transport, clock=clock, default_environment="none", longest_window_ms=WINDOW_MS)
    await transport.open()
    try:
        async with TestServer(application) as server:
            address = str(server.make_url("")).rstrip("/")
            yield Poller(context, clock, {address_in: address, **settings}, StoreSink(NAME))
    finally:
        await transport.close()
