"""What strangers cause again and again is told in one line a second at most."""

import asyncio
import logging

import pytest

from dora_exporter.runtime.latest_lines import LatestLines

LOGGER = logging.getLogger("dora_exporter.lines")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == LOGGER.name]


async def some_turns() -> None:
    """Timers that are due fire in between."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_each_message_has_a_second_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    told = LatestLines(LOGGER)
    for number in range(100):
        told.warn("skipped id=%s", number)
        told.warn("clamped id=%s", number)
    assert lines(caplog) == ["skipped id=0 not_shown=0", "clamped id=0 not_shown=0"]


async def test_the_latest_of_those_held_back_is_told_with_their_number(caplog: pytest.LogCaptureFixture) -> None:
    told = LatestLines(LOGGER, seconds=0)
    for number in range(5):
        told.warn("skipped id=%s", number)
    await some_turns()
    told.warn("skipped id=%s", 5, count=3)
    assert lines(caplog) == [
        "skipped id=0 not_shown=0",
        "skipped id=4 not_shown=3",
        "skipped id=5 not_shown=2",
    ]
