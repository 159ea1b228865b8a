"""What the one HTTP client of all sources does when an upstream does not simply answer."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict
from tests.builders import ManualClock
from tests.web.security.handshakes import greeting

from dora_exporter.runtime.http_response import Answer
from dora_exporter.sources.http.client import (
    Credentials,
    Refused,
    RetryTiming,
    Traffic,
    Transport,
    Unreachable,
    Upstream,
)
from dora_exporter.sources.http.network_errors import in_words

NOW_MS = 1_750_000_000_000
SECRET = "s3cret-token"


@dataclass
class Fake:
    """Answers one request after another."""

    answers: list[Callable[[web.Request], web.StreamResponse]]
    requests: list[tuple[str, str, bytes, dict[str, str]]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    traffic: Traffic = field(default_factory=Traffic)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.raw_path, await request.read(), dict(request.headers)))
        return self.answers.pop(0)(request) if self.answers else web.Response(text="done")

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@asynccontextmanager
async def reaching(
    fake: Fake, *, credentials: Credentials | None = None, chance: float = 1.0
) -> AsyncIterator[Upstream]:
    """An upstream with a base path, behind a transport that never waits."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", fake.answer)
    transport = Transport(clock=ManualClock(NOW_MS), retry_timing=RetryTiming(sleep=fake.sleep, chance=lambda: chance))
    async with TestServer(application) as server:
        await transport.open()
        try:
            yield transport.upstream(
                str(server.make_url("/base/")), credentials=credentials or Credentials(), traffic=fake.traffic
            )
        finally:
            await transport.close()


def status(code: int, body: object = None, **headers: str) -> Callable[[web.Request], web.Response]:
    return lambda _: web.json_response(body, status=code, headers=headers)


def broken(request: web.Request) -> web.StreamResponse:
    """Says that more comes, and hangs up."""
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    request.transport.close()
    return web.Response()


async def test_paths_go_on_after_the_base_and_values_are_quoted() -> None:
    fake = Fake([])
    async with reaching(fake) as upstream:
        assert (await upstream.get("/a", [("x[]", "1"), ("x[]", "2&+ ")])).body == b"done"
        await upstream.post_json("/b", {"q": 1})
        await upstream.post_form("/c", [("query", 'up{a="b"}')])
    assert [each[:3] for each in fake.requests] == [
        ("GET", "/base/a?x%5B%5D=1&x%5B%5D=2%26%2B+", b""),
        ("POST", "/base/b", b'{"q":1}'),
        ("POST", "/base/c", b"query=up%7Ba%3D%22b%22%7D"),
    ]
    assert fake.requests[2][3]["Content-Type"] == "application/x-www-form-urlencoded"
    assert fake.traffic.requests == {"success": 3}


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
async def test_what_may_pass_is_tried_five_times_with_growing_waits(code: int) -> None:
    fake = Fake([status(code)] * 5)
    async with reaching(fake) as upstream:
        with pytest.raises(Unreachable, match=rf"GET 127.0.0.1:\d+/base/a: status {code}: [A-Z][A-Za-z ]+, 5 times"):
            await upstream.get("/a")
    assert fake.slept == [1.0, 2.0, 4.0, 8.0]
    assert len(fake.requests) == 5


async def test_waits_are_spread_over_their_whole_length() -> None:
    fake = Fake([status(500)] * 2)
    async with reaching(fake, chance=0.0) as upstream:
        await upstream.get("/a")
    assert fake.slept == [0.0, 0.0]


@pytest.mark.parametrize("code", [300, 301, 307, 400, 401, 402, 403, 404])
async def test_what_will_not_pass_is_not_tried_again(code: int) -> None:
    body = {"error": {"message": f"no, {SECRET}", "code": 2006}}
    fake = Fake([status(code, body, Location="/elsewhere")])
    credentials = Credentials(headers={"Authorization": SECRET}, secrets=(SECRET, ""))
    async with reaching(fake, credentials=credentials) as upstream:
        with pytest.raises(Refused) as refused:
            await upstream.get("/a", [("key", SECRET)])
    assert (refused.value.status, refused.value.code) == (code, 2006)
    assert re.fullmatch(rf"GET 127.0.0.1:\d+/base/a: status {code}: no, \*\*\*", str(refused.value))
    assert refused.value.is_misconfiguration == (code in {401, 402, 403})
    assert (len(fake.requests), fake.slept) == (1, [])
    assert fake.traffic.requests == {"refused": 1}


async def test_an_answer_that_is_too_long_to_be_held_is_not_asked_for_again() -> None:
    mebibyte = bytes(1 << 20)

    async def endless(request: web.Request) -> web.StreamResponse:
        requests.append(request)
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(65):
            await answer.write(mebibyte)
        return answer

    requests: list[web.Request] = []
    application = web.Application()
    application.router.add_get("/a", endless)
    traffic = Traffic()
    transport = Transport(clock=ManualClock(NOW_MS))
    async with TestServer(application) as server:
        await transport.open()
        upstream = transport.upstream(str(server.make_url("")), credentials=Credentials(), traffic=traffic)
        with pytest.raises(Unreachable, match="/a: the answer is longer than 64 MiB"):
            await upstream.get("/a")
        await transport.close()
    assert (len(requests), traffic.requests) == (1, {"network_error": 1})


async def test_a_truncated_answer_is_asked_for_again() -> None:
    fake = Fake([broken])
    async with reaching(fake) as upstream:
        assert (await upstream.get("/a")).body == b"done"
    assert fake.traffic.requests == {"network_error": 1, "success": 1}


async def test_a_title_that_was_cut_within_a_character_does_not_make_the_answer_unreadable() -> None:
    fake = Fake([lambda _: web.Response(body=rb'{"title": "Shop down \ud83d"}')])
    async with reaching(fake) as upstream:
        assert (await upstream.get("/a")).body == rb'{"title": "Shop down \ufffd"}'


async def test_waiting_for_a_rate_limit_is_counted_and_waiting_for_an_error_is_not() -> None:
    fake = Fake([status(429, **{"X-RateLimit-Reset": "3"}), status(503, **{"Retry-After": "5"})])
    async with reaching(fake) as upstream:
        await upstream.get("/a")
    assert (fake.slept, fake.traffic.throttled_seconds) == ([3.0, 5.0], 3.0)


async def test_the_wait_before_a_limit_comes_before_the_next_request_only() -> None:
    nearly = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "9", "X-RateLimit-Reset": "20"}
    fake = Fake([status(200, **nearly), status(200, **{**nearly, "X-RateLimit-Remaining": "10"})])
    async with reaching(fake) as upstream:
        for _ in range(3):
            await upstream.get("/a")
    assert fake.slept == [2.0]
    assert (fake.traffic.ratelimit_remaining, fake.traffic.throttled_seconds) == (10, 2.0)


@pytest.mark.parametrize(
    ("code", "body", "words"),
    [
        (404, None, "status 404: Not Found"),
        (404, {"error": {"message": ""}}, "status 404: Not Found"),
        (499, None, "status 499"),
        (400, {"error": "x" * 400}, f"status 400: {'x' * 300}"),
    ],
)
async def test_an_answer_without_words_is_told_by_its_status(code: int, body: object, words: str) -> None:
    fake = Fake([status(code, body)])
    async with reaching(fake) as upstream:
        with pytest.raises(Refused) as refused:
            await upstream.get("/a")
    assert str(refused.value).partition("/base/a: ")[2] == words


async def test_what_the_upstream_says_when_it_fails_is_told_without_secrets() -> None:
    fake = Fake([status(503, {"error": f"no backend for {SECRET}"})] * 5)
    async with reaching(fake, credentials=Credentials(secrets=(SECRET,))) as upstream:
        with pytest.raises(Unreachable, match=r"status 503: no backend for \*\*\*, 5 times"):
            await upstream.get("/a")


async def why_unreachable(base_url: str, *, tls: ssl.SSLContext | None = None) -> str:
    """What is said of an upstream that gives no answer."""
    fake = Fake([])
    transport = Transport(clock=ManualClock(NOW_MS), retry_timing=RetryTiming(sleep=fake.sleep))
    await transport.open()
    upstream = transport.upstream(base_url, credentials=Credentials(tls=tls), traffic=fake.traffic)
    try:
        with pytest.raises(Unreachable) as unreachable:
            await upstream.get("/a", [("key", SECRET)])
    finally:
        await transport.close()
    assert fake.traffic.requests == {"network_error": 5}
    return str(unreachable.value)


async def test_a_refused_connection_and_an_unknown_name_are_told_with_host_and_port() -> None:
    assert await why_unreachable("http://127.0.0.1:1") == "GET 127.0.0.1:1/a: connection refused, 5 times"
    assert await why_unreachable("http://[::1]:1") in {
        "GET [::1]:1/a: connection refused, 5 times",
        "GET [::1]:1/a: cannot assign requested address, 5 times",
    }
    assert await why_unreachable("https://no.such.invalid") == ("GET no.such.invalid:443/a: unknown host name, 5 times")


async def test_a_certificate_that_nobody_vouches_for_or_for_another_host_is_told() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with greeting(context) as port:
        unknown = await why_unreachable(f"https://127.0.0.1:{port}")
        elsewhere = await why_unreachable(f"https://127.0.0.1:{port}", tls=trusting)
    begins = f"GET 127.0.0.1:{port}/a: certificate not trusted: "
    assert unknown.startswith(f"{begins}unable to get local issuer certificate")
    assert elsewhere.startswith(f"{begins}IP address mismatch")


async def test_a_host_that_speaks_no_tls_or_no_http_is_told() -> None:
    async with babbling(b"hello, this is not TLS at all\r\n") as port:
        tls = await why_unreachable(f"https://127.0.0.1:{port}")
        http = await why_unreachable(f"http://127.0.0.1:{port}")
    assert tls.startswith(f"GET 127.0.0.1:{port}/a: TLS failed: ")
    assert http == f"GET 127.0.0.1:{port}/a: the response is not HTTP, 5 times"
    async with babbling(b"") as port:
        closed = await why_unreachable(f"http://127.0.0.1:{port}")
    assert closed == f"GET 127.0.0.1:{port}/a: the connection was closed before a response, 5 times"


async def test_an_answer_that_breaks_off_each_time_is_told() -> None:
    fake = Fake([broken] * 5)
    async with reaching(fake) as upstream:
        with pytest.raises(Unreachable, match="/base/a: the response was truncated, 5 times"):
            await upstream.get("/a")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (aiohttp.ConnectionTimeoutError(), "timeout while connecting"),
        (aiohttp.SocketTimeoutError(), "timeout"),
        (TimeoutError(), "timeout"),
        (ConnectionResetError(SECRET), "the connection was reset"),
        (aiohttp.InvalidUrlClientError(SECRET), "the URL cannot be used"),
        (OSError(SECRET), "no response (OSError)"),
    ],
)
def test_other_reasons_have_words_of_ours(reason: Exception, words: str) -> None:
    assert in_words(reason) == words


async def test_a_proxy_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert await why_unreachable("http://upstream.example") == (
        "GET upstream.example:80/a: the proxy 127.0.0.1:1 cannot be reached: connection refused, 5 times"
    )


@asynccontextmanager
async def babbling(words: bytes) -> AsyncIterator[int]:
    """Listens, says the words to whoever asks and hangs up; gives the port."""

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(words)
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_transport_that_is_not_open_says_so() -> None:
    transport = Transport(clock=ManualClock(NOW_MS))
    with pytest.raises(RuntimeError, match="not open"):
        transport.upstream("http://127.0.0.1", credentials=Credentials(), traffic=Traffic())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"RateLimit-Reset": "12"}, 12.0),
        ({"RateLimit-Reset": "12", "Retry-After": "3"}, 12.0),
        ({"X-RateLimit-Reset": str(NOW_MS // 1000 + 40)}, 40.0),
        ({"Retry-After": "Sun, 15 Jun 2025 15:07:40 GMT"}, 60.0),
        ({"Retry-After": "Sun, 15 Jun 2025 15:07:40 -0000"}, 60.0),
        ({"Retry-After": "Sun, 15 Jun 2025 15:06:40 GMT"}, 0.0),
        ({"Retry-After": "Sun, 15 Jun 2025 14:06:40 GMT"}, None),
        ({"Retry-After": "86400"}, 900.0),
        ({"RateLimit-Reset": "nan", "Retry-After": "soon"}, None),
        ({"RateLimit-Reset": "inf"}, None),
        ({"RateLimit-Reset": "-1"}, None),
    ],
)
def test_what_an_answer_says_about_waiting(headers: dict[str, str], seconds: float | None) -> None:
    found = Answer(429, CIMultiDict(headers), b"").asked_wait(NOW_MS)
    assert found == seconds


@pytest.mark.parametrize(
    ("body", "explanation"),
    [
        (b"", (None, "")),
        (b"\xff", (None, "")),
        (b"3", (None, "")),
        (b'"gone"', (None, "gone")),
        (b'{"error": "no"}', (None, "no")),
        (b'{"error": {"code": 7, "message": "no"}}', (7, "no")),
        (b'{"errors": ["no", "never"]}', (None, "['no', 'never']")),
        (b'{"error": [1]}', (None, "")),
    ],
)
def test_what_an_error_says(body: bytes, explanation: tuple[int | None, str]) -> None:
    assert Answer(400, {}, body).explanation() == explanation
