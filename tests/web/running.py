"""A client of a running event API, a log that lives in memory, and what is sent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientResponse, ClientSession

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Apply, Unavailable
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.server.limits import CurrentRules

Json = Any
"""What JSON can hold."""

NOW = 1_800_000_000_000
SHA = "0123456789abcdef0123456789abcdef01234567"


class MemoryLog:
    """An event log that commits at once, or refuses while ``reason`` is set."""

    def __init__(self, apply: Apply) -> None:
        self.records: list[Record] = []
        self.groups: list[int] = []
        self.reason: str | None = None
        self._apply = apply

    async def replay(self) -> AsyncIterator[Sequence[Record]]:
        yield self.records

    async def start(self, apply: Apply) -> None:
        self._apply = apply

    def append(self, records: Sequence[Record]) -> Awaitable[list[Outcome]]:
        future: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        if self.reason is not None:
            future.set_exception(Unavailable(self.reason))
            return future
        self.records += records
        self.groups.append(len(records))
        future.set_result(self._apply(records))
        return future

    async def close(self) -> None:
        self.reason = "closed"


@dataclass
class Api:
    """The client's side of a running API, and what is behind it."""

    client: ClientSession
    port: int
    store: EventStore
    log: MemoryLog
    access: Access
    rules: CurrentRules = field(default_factory=CurrentRules)
    now: int = NOW

    async def send(self, method: str, path: str, **options: Json) -> tuple[int, Any]:
        """The status and the JSON body of the answer."""
        async with self.client.request(method, path, **options) as response:
            return response.status, await self.body_of(response)

    async def body_of(self, response: ClientResponse) -> Json:
        assert response.content_type == "application/json"
        assert "Server" not in response.headers
        return await response.json() if await response.read() else None

    async def deploy(self, **attributes: Json) -> tuple[int, Any]:
        return await self.send("POST", "/api/v2/dora/deployment", json={"data": {"attributes": attributes}})

    async def fail(self, **attributes: Json) -> tuple[int, Any]:
        return await self.send("POST", "/api/v2/dora/failure", json={"data": {"attributes": attributes}})

    async def list_deployments(self, **attributes: Json) -> list[str]:
        data = {"type": "dora_deployments_list_request", "attributes": attributes}
        status, body = await self.send("POST", "/api/v2/dora/deployments", json={"data": data})
        assert status == 200, body
        return [each["id"] for each in body["data"]]

    async def list_failures(self, **attributes: Json) -> list[str]:
        data = {"type": "dora_failures_list_request", "attributes": attributes}
        status, body = await self.send("POST", "/api/v2/dora/failures", json={"data": data})
        assert status == 200, body
        return [each["id"] for each in body["data"]]


def deployment(**attributes: Json) -> dict[str, Any]:
    """The attributes of a deployment that is accepted; None leaves one out."""
    seconds = NOW // 1000
    given = {"service": "checkout", "started_at": seconds - 60, "finished_at": seconds - 30, **attributes}
    return {name: value for name, value in given.items() if value is not None}


def incident(**attributes: Json) -> dict[str, Any]:
    """The attributes of an incident that is accepted; None leaves one out."""
    given = {"services": ["checkout"], "started_at": NOW // 1000 - 60, **attributes}
    return {name: value for name, value in given.items() if value is not None}
