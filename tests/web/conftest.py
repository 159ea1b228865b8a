"""A running event API over a store and a log that lives in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientSession, web
from tests.web.running import Api, MemoryLog

from dora_exporter.dora.store import EventStore
from dora_exporter.web.application import EVENT_OPERATIONS, application, event_routes, runner
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.server.limits import CurrentRules, Rules

MakeApi = Callable[..., Awaitable[Api]]


@pytest.fixture
async def make_api() -> AsyncIterator[MakeApi]:
    """Starts APIs with keys and rules as wanted."""
    async with AsyncExitStack() as running:

        async def make(
            *, api_keys: Sequence[str] = (), read_keys: Sequence[str] = (), rules: Rules | None = None
        ) -> Api:
            store = EventStore()
            log = MemoryLog(store.apply_all)
            access = Access(api_keys=api_keys, read_keys=read_keys)
            current = CurrentRules(rules or Rules())
            apis: list[Api] = []
            routes = event_routes(store=store, log=log, clock=lambda: apis[0].now, rules=current, access=access)
            serving = runner(application(routes=routes, operations=EVENT_OPERATIONS, access=access))
            await serving.setup()
            running.push_async_callback(serving.cleanup)
            await web.TCPSite(serving, "127.0.0.1", 0).start()
            port = serving.addresses[0][1]
            client = await running.enter_async_context(ClientSession(f"http://127.0.0.1:{port}"))
            apis.append(Api(client, port, store, log, access, current))
            return apis[0]

        yield make


@pytest.fixture
async def api(make_api: MakeApi) -> Api:
    """An API without keys and with the default rules."""
    return await make_api()
