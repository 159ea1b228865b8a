"""A test that hangs is ended."""

import asyncio
import inspect

import pytest
from tests.hanging import ending


async def test_a_test_that_waits_for_ever_fails() -> None:
    async def hanging() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await ending(hanging, seconds=0.01)()


async def test_every_test_on_the_event_loop_is_one_that_is_ended() -> None:
    frames = inspect.stack()
    assert "within" in [each.function for each in frames]
