"""Slow Git delays nobody but those who wait for it."""

import asyncio
from collections.abc import AsyncIterator
from threading import Event

import pytest

from dora_exporter.commits.git.workers import Busy, Workers


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    """Two threads, and four that may wait for them."""
    made = Workers(2, waiting_at_most=4)
    yield made
    await made.close()


async def test_a_slow_repository_leaves_a_thread_to_the_others(workers: Workers) -> None:
    released = Event()
    slow = [asyncio.create_task(workers.git("slow", released.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(20):
            assert await workers.git("quick", int, "5") == 5
            assert await workers.files(int, "6") == 6
            assert await asyncio.to_thread(int, "7") == 7
        assert not any(each.done() for each in slow)
    finally:
        released.set()
    assert await asyncio.gather(*slow) == [True] * 3


async def test_no_more_wait_than_is_worth_while(workers: Workers) -> None:
    released = Event()
    slow = [asyncio.create_task(workers.git("slow", released.wait)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await workers.git("quick", int)
    slow.pop().cancel()
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        assert await workers.git("quick", int) == 0
    released.set()
    await asyncio.gather(*slow)


async def test_what_fails_leaves_its_place_to_others(workers: Workers) -> None:
    for _ in range(10):
        with pytest.raises(ValueError, match="invalid literal"):
            await workers.git("bad", int, "x")
    assert await workers.git("bad", int, "1") == 1
