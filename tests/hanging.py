"""Ends a test that hangs where it waits, so that the others go on."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps


def ending(test: Callable[..., Awaitable[None]], *, seconds: float) -> Callable[..., Awaitable[None]]:
    """The test, which fails when it takes longer."""

    @wraps(test)
    async def within(*arguments: object, **named: object) -> None:
        async with asyncio.timeout(seconds):
            await test(*arguments, **named)

    return within
