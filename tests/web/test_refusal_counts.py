import json

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient
from tests.web.running import NOW, MemoryLog, deployment

from dora_exporter.app.telemetry import RejectionCounts
from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Unavailable
from dora_exporter.dora.store import EventStore
from dora_exporter.web.api.bulk import bulk_endpoint
from dora_exporter.web.api.schema.decode import UnknownAttributes
from dora_exporter.web.application import application
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.server.errors import (
    BadAttribute,
    BadRequest,
    Forbidden,
    NotFound,
    NotNow,
    TooLarge,
    refuse_in_json,
)
from dora_exporter.web.server.limits import CurrentRules
from dora_exporter.web.server.rejections import Rejection, counting


class Counted(RejectionCounts):
    def __init__(self) -> None:
        super().__init__()
        self.reasons: list[Rejection] = []

    def count(self, reason: Rejection, number: int = 1) -> None:
        self.reasons += [reason] * number


async def refused(
    aiohttp_client: AiohttpClient,
    refusal: Exception,
    *,
    method: str = "POST",
    path: str = "/api/v2/dora/deployment",
    status: int,
) -> list[Rejection]:
    """The reasons counted for one request that a handler refuses."""

    async def refuse(_: web.Request) -> web.Response:
        raise refusal

    counts = Counted()
    app = web.Application(middlewares=[refuse_in_json(counting(counts.count))])
    app.router.add_route("*", "/{path:.*}", refuse)
    client = await aiohttp_client(app)
    assert (await client.request(method, path)).status == status
    return counts.reasons


@pytest.mark.parametrize(
    ("refusal", "status", "reason"),
    [
        (BadAttribute("service", "must not be empty"), 400, Rejection.INVALID),
        (BadRequest("the body is not JSON"), 400, Rejection.MALFORMED),
        (web.RequestPayloadError("broken"), 400, Rejection.MALFORMED),
        (Forbidden("no valid key"), 403, Rejection.FORBIDDEN),
        (TooLarge("too long"), 413, Rejection.TOO_LARGE),
        (web.HTTPRequestEntityTooLarge(1, 2), 400, Rejection.TOO_LARGE),
        (NotNow("no space"), 503, Rejection.UNAVAILABLE),
        (Unavailable("no space"), 503, Rejection.UNAVAILABLE),
    ],
)
async def test_a_refused_event_is_counted_by_its_reason(
    aiohttp_client: AiohttpClient, refusal: Exception, status: int, reason: Rejection
) -> None:
    assert await refused(aiohttp_client, refusal, status=status) == [reason]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v2/dora/deployment"), ("POST", "/api/v2/dora/deployments"), ("POST", "/-/reload")],
)
async def test_a_refusal_that_concerns_no_event_is_not_counted(
    aiohttp_client: AiohttpClient, method: str, path: str
) -> None:
    assert await refused(aiohttp_client, BadRequest("no"), method=method, path=path, status=400) == []


@pytest.mark.parametrize("path", ["/api/v1/events", "/webhooks/alertmanager", "/api/v2/webhook/"])
async def test_every_way_in_is_counted(aiohttp_client: AiohttpClient, path: str) -> None:
    assert await refused(aiohttp_client, BadRequest("no"), path=path, status=400) == [Rejection.MALFORMED]


async def test_each_refused_line_of_many_is_counted(aiohttp_client: AiohttpClient) -> None:
    log, access, counts = MemoryLog(lambda records: [Outcome.CREATED] * len(records)), Access(), Counted()
    routes = bulk_endpoint.routes(
        store=EventStore(), log=log, clock=lambda: NOW, rules=CurrentRules(), access=access, unknown=UnknownAttributes()
    )
    client = await aiohttp_client(
        application(routes=routes, operations=(), access=access, on_refusal=counting(counts.count))
    )
    good = json.dumps({"type": "deployment", "attributes": deployment()})
    bad = json.dumps({"type": "deployment", "attributes": deployment(service="")})
    for path, body, expected in (
        ("/api/v1/events", f"{good}\n{bad}\n{{\n{bad}", [Rejection.INVALID, Rejection.INVALID, Rejection.MALFORMED]),
        ("/api/v1/events?atomic=true", f"{good}\n{bad}", [Rejection.INVALID, Rejection.MALFORMED]),
        ("/api/v1/events?atomic=x", good, [Rejection.INVALID]),
        ("/api/v1/events", good, []),
    ):
        counts.reasons.clear()
        await client.post(path, data=body)
        assert sorted(counts.reasons, key=str) == expected


async def test_what_is_not_found_is_no_refused_event(aiohttp_client: AiohttpClient) -> None:
    assert await refused(aiohttp_client, NotFound("no such path"), status=404) == []
