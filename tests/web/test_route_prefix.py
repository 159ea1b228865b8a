"""Everything is served below a path, and nothing beside it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web
from tests.web.running import NOW, MemoryLog, deployment

from dora_exporter.dora.store import EventStore
from dora_exporter.web import management
from dora_exporter.web.application import EVENT_OPERATIONS, application, event_routes, require_ready, runner
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.server import route_prefix
from dora_exporter.web.server.limits import CurrentRules


@asynccontextmanager
async def served(prefix: str, *, is_ready: bool = True) -> AsyncIterator[ClientSession]:
    """A client of an API below a prefix; a request for ``/`` is answered with what the handler was asked for."""

    async def root(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.path_qs} of {request.host}")

    store, access = EventStore(), Access(api_keys=["key"])
    log = MemoryLog(store.apply_all)
    app = application(
        routes=[
            web.get("/", root),
            web.get("/static/{name}", root),
            *route_prefix.routes(prefix),
            *event_routes(store=store, log=log, clock=lambda: NOW, rules=CurrentRules(), access=access),
            *management.routes(is_ready=lambda: is_ready, reload=None),
        ],
        operations=EVENT_OPERATIONS,
        access=access,
        middlewares=[require_ready(lambda: is_ready)],
        url=prefix,
    )
    serving = runner(app, prefix=prefix)
    await serving.setup()
    await web.TCPSite(serving, "127.0.0.1", 0).start()
    try:
        async with ClientSession(f"http://127.0.0.1:{serving.addresses[0][1]}") as session:
            yield session
    finally:
        await serving.cleanup()


@pytest.mark.parametrize("prefix", ["/dora", "/a/b", "/d%C3%B6ra"])
@pytest.mark.parametrize(
    ("path", "asked"),
    [("/", "/"), ("/?q=a%2Fb&q=c", "/?q=a/b&q=c"), ("/static/a%2Fb", "/static/a%2Fb"), ("/static/x", "/static/x")],
)
async def test_what_is_asked_for_below_the_prefix_is_there(prefix: str, path: str, asked: str) -> None:
    async with served(prefix) as client, client.get(f"{prefix}{path}") as response:
        assert response.status == 200
        assert (await response.text()).partition(" of ")[0] == asked


@pytest.mark.parametrize(
    "path", ["/metrics", "/-/reload", "/-/ready/", "/dorado/", "/dor", "/dora/dora/", "//dora/", "/./", "/%64ora/"]
)
async def test_elsewhere_there_is_nothing(path: str) -> None:
    async with served("/dora") as client:
        assert await raw_status(client, f"GET {path} HTTP/1.1") == 404


async def raw_status(client: ClientSession, line: str) -> int:
    """What comes back for a request line that no client library would send as it is."""
    port = client._base_url.port if client._base_url else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{line}\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1"))
    answer = await reader.read()
    writer.close()
    found = re.match(rb"HTTP/1\.\d (\d+)", answer)
    return int(found[1]) if found else 0


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET http://elsewhere/dora/?x=1 HTTP/1.1", 200),
        ("GET http://elsewhere/metrics HTTP/1.1", 404),
        ("OPTIONS * HTTP/1.1", 404),
        ("GET /dora/../ HTTP/1.1", 404),
        ("GET /dora//x HTTP/1.1", 404),
        ("GET /dora/%ff HTTP/1.1", 404),
        ("GET /dora/\xff HTTP/1.1", 404),
        ("GET ?/dora/ HTTP/1.1", 404),
    ],
)
async def test_odd_targets_are_answered(line: str, status: int) -> None:
    async with served("/dora") as client:
        assert await raw_status(client, line) in {status, 400}


@pytest.mark.parametrize(
    ("prefix", "path", "place"),
    [
        ("/dora", "/", "dora/"),
        ("/dora", "/dora", "dora/"),
        ("/dora", "/dora?q=a%26b", "dora/?q=a%26b"),
        ("/a/b", "/", "a/b/"),
        ("/a/b", "/a/b", "b/"),
    ],
)
async def test_the_root_and_the_bare_prefix_lead_to_the_page(prefix: str, path: str, place: str) -> None:
    async with served(prefix) as client:
        async with client.get(path, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, place)
        async with client.get(path) as response:
            assert (response.status, response.url.path) == (200, f"{prefix}/")
        async with client.post(path) as response:
            assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_the_api_keeps_its_rules_below_the_prefix() -> None:
    event, key = {"data": {"attributes": deployment()}}, {"DD-API-KEY": "key"}
    async with served("/dora") as client:
        for path, headers, status in (
            ("/dora/api/v2/dora/deployment", key, 200),
            ("/dora/api/v2/dora/deployment", {}, 403),
            ("/dora/api/v2/dora/nothing", key, 400),
            ("/api/v2/dora/deployment", key, 400),
        ):
            async with client.post(path, json=event, headers=headers) as response:
                assert response.status == status
        async with client.get("/dora/openapi.json") as response:
            assert (await response.json())["servers"] == [{"url": "/dora"}]


async def test_what_is_open_before_the_daemon_is_ready_is_so_below_the_prefix() -> None:
    async with served("/dora", is_ready=False) as client:
        for path, status in (
            ("/dora/-/healthy", 200),
            ("/dora/-/ready", 503),
            ("/dora/", 503),
            ("/dora/static/x", 200),
            ("/-/healthy", 200),
            ("/-/ready", 503),
        ):
            async with client.get(path) as response:
                assert response.status == status


async def test_without_a_prefix_nothing_changes() -> None:
    async with served("") as client:
        async with client.get("/") as response:
            assert response.status == 200
        async with client.get("/openapi.json") as response:
            assert "servers" not in await response.json()
        async with client.get("/./") as response:
            assert response.status == 200
