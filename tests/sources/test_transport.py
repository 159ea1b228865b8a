"""What the one HTTP client of all sources does when an upstream does not simply answer."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict
from tests.builders import ManualClock

from dora_exporter.sources.answer import Answer
from dora_exporter.sources.transport import Credentials, Patience, Refused, Traffic, Transport, Unreachable, Upstream

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
    transport = Transport(clock=ManualClock(NOW_MS), patience=Patience(sleep=fake.sleep, chance=lambda: chance))
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
        with pytest.raises(Unreachable, match=f"GET 127.0.0.1/base/a: status {code}, 5 times"):
            await upstream.get("/a")
    assert fake.slept == [1.0, 2.0, 4.0, 8.0]
    assert len(fake.requests) == 5


async def test_waits_are_spread_over_their_whole_length() -> None:
    fake = Fake([status(500)] * 2)
    async with reaching(fake, chance=0.0) as upstream:
        await upstream.get("/a")
    assert fake.slept == [0.0, 0.0]


@pytest.mark.parametrize("code", [301, 307, 400, 401, 402, 403, 404])
async def test_what_will_not_pass_is_not_tried_again(code: int) -> None:
    body = {"error": {"message": f"no, {SECRET}", "code": 2006}}
    fake = Fake([status(code, body, Location="/elsewhere")])
    credentials = Credentials(headers={"Authorization": SECRET}, secrets=(SECRET, ""))
    async with reaching(fake, credentials=credentials) as upstream:
        with pytest.raises(Refused) as refused:
            await upstream.get("/a", [("key", SECRET)])
    assert (refused.value.status, refused.value.code) == (code, 2006)
    assert str(refused.value) == f"GET 127.0.0.1/base/a: status {code}: no, ***"
    assert refused.value.is_misconfiguration == (code in {401, 402, 403})
    assert (len(fake.requests), fake.slept) == (1, [])
    assert fake.traffic.requests == {"refused": 1}


async def test_a_truncated_answer_is_asked_for_again() -> None:
    fake = Fake([broken])
    async with reaching(fake) as upstream:
        assert (await upstream.get("/a")).body == b"done"
    assert fake.traffic.requests == {"network_error": 1, "success": 1}


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
    assert fake.traffic.ratelimit_remaining == 10


async def test_a_certificate_that_nobody_vouches_for_is_words_without_a_url() -> None:
    fake = Fake([])
    tls = ssl.create_default_context()
    transport = Transport(clock=ManualClock(NOW_MS), patience=Patience(sleep=fake.sleep))
    await transport.open()
    upstream = transport.upstream("https://127.0.0.1:1", credentials=Credentials(tls=tls), traffic=fake.traffic)
    with pytest.raises(Unreachable, match=r"GET 127.0.0.1/a: no answer \(ClientConnectorError\), 5 times"):
        await upstream.get("/a")
    await transport.close()


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
