import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from random import Random

import pytest
from aiohttp import ClientSession, hdrs, web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient
from tests.exposition.worlds import World, odd_names

from dora_exporter.exposition import CurrentExposition
from dora_exporter.runtime.cooperative import Turn
from dora_exporter.web import scrape

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
Client = TestClient[web.Request, web.Application]


async def client_of(aiohttp_client: AiohttpClient, world: World) -> Client:
    app = web.Application()
    app.add_routes(scrape.routes(CurrentExposition(world.exposition)))
    # Without automatic headers and decompression a test sees what is on the wire.
    return await aiohttp_client(
        app,
        auto_decompress=False,
        skip_auto_headers=[hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.USER_AGENT],
    )


def large(padding: int = 150) -> World:
    """A world of more than a slice, deflated too: what pads its names repeats nothing."""
    random = Random(1)
    services = (f"service-{number}-{random.randbytes(padding // 2).hex()}" for number in range(2000))
    return World({("dora_deployments", "prod", service): number for number, service in enumerate(services)})


async def test_plain_text_is_the_default(aiohttp_client: AiohttpClient) -> None:
    world = odd_names()
    client = await client_of(aiohttp_client, world)

    answer = await client.get("/metrics")

    assert answer.status == 200
    assert answer.headers[hdrs.CONTENT_TYPE] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers[hdrs.VARY] == "Accept, Accept-Encoding"
    assert hdrs.CONTENT_ENCODING not in answer.headers
    assert await answer.read() == await world.text()


async def test_openmetrics_and_gzip_come_when_asked_for(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client, odd_names())

    answer = await client.get("/metrics", headers={"Accept": OPENMETRICS, "Accept-Encoding": "gzip"})

    assert answer.headers[hdrs.CONTENT_TYPE].startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert answer.headers[hdrs.CONTENT_ENCODING] == "gzip"
    assert gzip.decompress(await answer.read()).endswith(b"# EOF\n")


async def test_repeated_headers_count_as_one(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client, odd_names())

    answer = await client.get("/metrics", headers=[("Accept-Encoding", "br"), ("Accept-Encoding", "gzip")])

    assert answer.headers[hdrs.CONTENT_ENCODING] == "gzip"


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_large_body_arrives_whole(aiohttp_client: AiohttpClient, encoding: str) -> None:
    world = large()
    client = await client_of(aiohttp_client, world)

    answer = await client.get("/metrics", headers={"Accept-Encoding": encoding})
    body = await answer.read()

    assert int(answer.headers[hdrs.CONTENT_LENGTH]) == len(body)
    assert (gzip.decompress(body) if encoding == "gzip" else body) == await world.text()
    assert len(body) > 128 * 1024


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("world", [odd_names, large])
async def test_head_has_the_headers_and_no_body(
    aiohttp_client: AiohttpClient, world: Callable[[], World], encoding: str
) -> None:
    client = await client_of(aiohttp_client, world())
    got = await client.get("/metrics", headers={"Accept-Encoding": encoding})
    await got.read()

    head = await client.head("/metrics", headers={"Accept-Encoding": encoding})

    assert head.status == 200
    assert await head.read() == b""
    for name in (hdrs.CONTENT_LENGTH, hdrs.CONTENT_TYPE, hdrs.VARY):
        assert head.headers[name] == got.headers[name]
    assert head.headers.get(hdrs.CONTENT_ENCODING) == got.headers.get(hdrs.CONTENT_ENCODING)


async def test_a_connection_is_of_use_after_head_of_a_large_body(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client, large())
    await (await client.head("/metrics")).read()

    answer = await client.get("/metrics?name[]=dora_exporter_build_info")

    assert (await answer.text()).startswith("# HELP dora_exporter_build_info")


async def test_names_select_families(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client, odd_names())

    answer = await client.get("/metrics", params=[("name[]", "dora_deployments"), ("name[]", "python_info")])

    types = [row.split()[2] for row in (await answer.text()).splitlines() if row.startswith("# TYPE")]
    assert types == ["dora_deployments", "python_info"]


async def test_writing_to_the_exposition_is_refused(aiohttp_client: AiohttpClient) -> None:
    client = await client_of(aiohttp_client, odd_names())

    assert (await client.post("/metrics")).status == 405


@pytest.fixture
async def address_of_large() -> AsyncIterator[tuple[str, int]]:
    """Where a body of 10 MB is served as the daemon does it; the test server would cancel the handler."""
    app, padded = web.Application(), large(padding=5000).exposition
    app.add_routes(scrape.routes(CurrentExposition(padded)))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0]
    await runner.cleanup()


async def test_a_client_that_leaves_early_is_no_error(
    address_of_large: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection(*address_of_large)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()

    async with ClientSession() as staying:
        url = "http://{}:{}/metrics".format(*address_of_large)
        answer = await staying.get(url, headers={"Accept-Encoding": "identity"})
        assert len(await answer.read()) > 10_000_000
    assert caplog.records == []


async def test_others_have_their_turn_while_a_large_answer_is_sent(
    address_of_large: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []

    class ShortTurn(Turn):
        is_over = True

        async def give(self) -> None:
            given.append(self)
            await super().give()

    monkeypatch.setattr(scrape, "Turn", ShortTurn)
    async with ClientSession() as session:
        url = "http://{}:{}/metrics".format(*address_of_large)
        answer = await session.get(url, headers={"Accept-Encoding": "identity"})
        length = len(await answer.read())
    assert len(given) > length // (256 << 10)
