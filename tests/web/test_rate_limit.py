"""Requests that come too fast are told so; the clock is the test's."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import pytest
from aiohttp import ClientSession
from tests.web.guarded import PATHS, guarded

from dora_exporter.web.security.basic_auth import basic_auth
from dora_exporter.web.security.rate_limit import rate_limit
from dora_exporter.web.security.web_config import RateLimit


@dataclass
class Setting:
    """The limit in force and the time, in seconds, both of which a test may change."""

    limit: RateLimit | None
    now: float = 1000.0


def limited(setting: Setting) -> AbstractAsyncContextManager[ClientSession]:
    """A client of a daemon with this limit."""
    return guarded(rate_limit(lambda: setting.limit, stopwatch=lambda: setting.now))


async def statuses(client: ClientSession, count: int, *, path: str = PATHS[0]) -> list[int]:
    found = []
    for _ in range(count):
        async with client.get(path) as response:
            found.append(response.status)
    return found


async def test_a_burst_is_let_through_and_no_more() -> None:
    async with limited(Setting(RateLimit(10.0, 3))) as client:
        assert await statuses(client, 5) == [200, 200, 200, 429, 429]


async def test_one_more_is_let_through_after_each_interval() -> None:
    setting = Setting(RateLimit(10.0, 3))
    async with limited(setting) as client:
        await statuses(client, 3)
        setting.now += 9.99
        assert await statuses(client, 1) == [429]
        setting.now += 0.02
        assert await statuses(client, 2) == [200, 429]
        setting.now += 20.0
        assert await statuses(client, 3) == [200, 200, 429]


async def test_a_long_pause_gives_a_burst_and_no_more() -> None:
    setting = Setting(RateLimit(10.0, 3))
    async with limited(setting) as client:
        await statuses(client, 3)
        setting.now += 1e6
        assert await statuses(client, 4) == [200, 200, 200, 429]


async def test_requests_at_once_count_together() -> None:
    async with limited(Setting(RateLimit(10.0, 3))) as client:
        found = await asyncio.gather(*(statuses(client, 1, path=path) for path in PATHS * 2))

    assert sorted(status for (status,) in found) == [200, 200, 200, 429, 429, 429]


@pytest.mark.parametrize(("interval_seconds", "retry_after"), [(0.01, "1"), (1.0, "1"), (1.5, "2"), (90.0, "90")])
async def test_a_refusal_says_when_to_come_again(interval_seconds: float, retry_after: str) -> None:
    async with limited(Setting(RateLimit(interval_seconds, 1))) as client:
        await statuses(client, 1)
        async with client.get(PATHS[1]) as response:
            assert response.status == 429
            assert response.headers["Retry-After"] == retry_after
            assert await response.json() == {"errors": ["Too Many Requests"]}


async def test_a_changed_limit_counts_at_once() -> None:
    setting = Setting(None)
    async with limited(setting) as client:
        assert await statuses(client, 5) == [200] * 5
        setting.limit = RateLimit(10.0, 2)
        assert await statuses(client, 3) == [200, 200, 429]
        setting.limit = RateLimit(10.0, 3)
        assert await statuses(client, 2) == [200, 429]
        setting.limit = None
        assert await statuses(client, 2) == [200, 200]


async def test_requests_without_a_password_are_limited_too() -> None:
    users = {"alice": "$2b$04$nRgDh7NgBsWFDQsKC9vFQOdvgEsGpBGQwIBwJ1xInWHaRwzGoZMly"}
    limiting = rate_limit(lambda: RateLimit(10.0, 2), stopwatch=lambda: 0.0)
    async with guarded(limiting, basic_auth(lambda: users, has_key=lambda _: False)) as client:
        assert await statuses(client, 3) == [401, 401, 429]
