"""What a page of another site makes a browser ask is refused, and so is a name that is lent to this machine."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession
from tests.web.guarded import guarded

from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.security.browsers import Doors, refuse_pages

EVIL = "evil.example:3672"
POST_IS_KNOWN_NOT = 405
"""The answer to a POST that reached the path."""


@asynccontextmanager
async def a_client(*, is_open: bool = True, allowed: Collection[str] = ()) -> AsyncIterator[ClientSession]:
    access = Access(api_keys=[] if is_open else ["k"])
    guard = refuse_pages(Doors(is_open=is_open, allowed_hosts=allowed), access.holds_key)
    async with guarded(guard, access=access) as client:
        yield client


async def ask(client: ClientSession, method: str, headers: Mapping[str, str]) -> int:
    async with client.request(method, "/metrics", headers=headers) as response:
        return response.status


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:99", "dora.example", "DORA.example.:8080"])
async def test_known_hosts_are_answered(host: str) -> None:
    async with a_client(allowed={"dora.example"}) as client:
        assert await ask(client, "GET", {"Host": host}) == 200


@pytest.mark.parametrize("host", [EVIL, "192.0.2.1:3672", "0.0.0.0", "localhost.evil.example", "dora.example.evil"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
async def test_a_name_lent_to_this_machine_is_refused(host: str, method: str, caplog: pytest.LogCaptureFixture) -> None:
    async with a_client(allowed={"dora.example"}) as client:
        assert await ask(client, method, {"Host": host}) == 403
    assert f"request refused, unknown host host={host!r} from=127.0.0.1" in caplog.messages


async def test_all_hosts_may_be_known() -> None:
    async with a_client(allowed={"*"}) as client:
        assert await ask(client, "GET", {"Host": EVIL}) == 200
        assert await ask(client, "GET", {"Host": "no host:"}) == 403
        assert await ask(client, "POST", {"Host": EVIL, "Origin": "http://other.example"}) == 403


async def test_a_person_is_told_what_to_do() -> None:
    async with a_client() as client, client.get("/metrics", headers={"Host": "dora.example"}) as response:
        (error,) = (await response.json())["errors"]
    assert "'dora.example': add it to web.allowed_hosts, or set api_keys" in error["detail"]


async def test_where_there_are_keys_any_name_will_do() -> None:
    async with a_client(is_open=False) as client:
        assert await ask(client, "GET", {"Host": EVIL}) == 200
        assert await ask(client, "POST", {"Host": EVIL}) == POST_IS_KNOWN_NOT


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": f"http://{EVIL}"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost:3000"},
        {"Origin": "file://localhost:3672"},
        {"Origin": "http://localhost:36720"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:3672"},
    ],
)
@pytest.mark.parametrize("is_open", [True, False])
async def test_a_page_of_another_site_writes_nothing(headers: Mapping[str, str], *, is_open: bool) -> None:
    async with a_client(is_open=is_open) as client:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert await ask(client, method, {"Host": "localhost:3672", **headers}) == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost:3672"},
        {"Origin": "http://LOCALHOST:3672", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://localhost", "Host": "localhost"},
        {"Origin": "https://localhost", "Host": "localhost:443"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_what_no_page_of_another_site_asks_is_done(headers: Mapping[str, str]) -> None:
    async with a_client() as client:
        assert await ask(client, "POST", {"Host": "localhost:3672", **headers}) == POST_IS_KNOWN_NOT


async def test_who_has_a_key_is_no_page() -> None:
    async with a_client(is_open=False) as client:
        headers = {"Origin": "app://tool", "DD-API-KEY": "k"}
        assert await ask(client, "POST", headers) == POST_IS_KNOWN_NOT
        assert await ask(client, "POST", {**headers, "DD-API-KEY": "another"}) == 403


async def test_links_from_other_sites_are_followed() -> None:
    async with a_client() as client:
        headers = {"Host": "localhost:3672", "Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}
        assert await ask(client, "GET", headers) == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /metrics HTTP/1.0", 200),
        (b"GET /metrics HTTP/1.0\r\nHost: ", 403),
        (b"GET /metrics HTTP/1.1\r\nHost: \xff", 403),
        (b"GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost", 403),
        (b"GET http://evil.example?/ HTTP/1.1\r\nHost: localhost", 403),
        (b"GET http://localhost/metrics HTTP/1.1\r\nHost: localhost", 200),
        (b"GET http://localhost/metrics HTTP/1.1\r\nHost: evil.example", 403),
        (b"GET /metrics?x=http://evil.example HTTP/1.1\r\nHost: localhost", 200),
    ],
)
async def test_all_that_a_head_says_of_its_host_counts(head: bytes, status: int) -> None:
    async with a_client() as client:
        url = client._base_url
        assert url is not None
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(head + b"\r\nConnection: close\r\n\r\n")
        assert int((await reader.readline()).split()[1]) == status
        writer.close()
