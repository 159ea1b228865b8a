"""Nothing that nearly is what a product sends gets more than an answer: no error, no hang."""

import asyncio
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from random import Random
from time import process_time

import pytest
from tests.builders import NOW_MS
from tests.sources.deliveries import delivery_head
from tests.sources.webhook.disturbed import disturbed
from tests.sources.webhook.preset_fixtures import Fixture, all_fixtures
from tests.sources.webhook.webhook_daemon import a_daemon

from dora_exporter.sources.contract import Unreadable
from dora_exporter.sources.webhook.presets import NAMES
from dora_exporter.sources.webhook.source import JsonWebhook

A_FEW = 150
MANY = 100_000 // len(NAMES) + 1
PROCESSES = 2
SECONDS_AT_MOST = 2.0


def bodies(name: str, random: Random) -> Iterator[tuple[Fixture, bytes]]:
    """Disturbed bodies of a preset, without end."""
    fixtures = [each for each in all_fixtures() if each.preset == name]
    while True:
        fixture = random.choice(fixtures)
        for body in disturbed(fixture, random):
            yield fixture, body


async def take(name: str, count: int) -> None:
    """Lets the source of a preset take so many bodies."""
    seed = os.urandom(8).hex()
    async with a_daemon(preset=name, service="elsewhere") as daemon:
        source = daemon.running.source
        assert isinstance(source, JsonWebhook)
        sink = daemon.sources.sink(daemon.running)
        for number, (fixture, body) in enumerate(islice(bodies(name, Random(seed)), count)):
            began = process_time()
            try:
                head = delivery_head(fixture.headers, received_ms=NOW_MS + number)
                await source.ingest(head, body[: source.body_limit], sink)
            except Unreadable:
                continue
            except Exception as error:
                raise AssertionError(f"{name}, seed {seed}, body {number}: {body[:2000]!r}") from error
            assert process_time() - began < SECONDS_AT_MOST, (name, seed, number)
        assert daemon.incidents or daemon.deployments


@pytest.mark.usefixtures("no_garbage_search")
@pytest.mark.parametrize("name", NAMES)
async def test_a_disturbed_body_is_taken_or_refused(name: str) -> None:
    await take(name, A_FEW)


@pytest.mark.e2e
def test_a_hundred_thousand_disturbed_bodies_are_taken_or_refused() -> None:
    with ProcessPoolExecutor(PROCESSES) as processes:
        list(processes.map(_take_many, NAMES))


def _take_many(name: str) -> None:
    logging.disable()
    asyncio.run(take(name, MANY))
