"""The event loop that the daemon runs on: uvloop where there is one, else Python's own."""

import asyncio
from collections.abc import Callable
from pkgutil import resolve_name


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A new loop. There is no uvloop for Windows, nor for Pythons other than CPython."""
    try:
        factory: Callable[[], asyncio.AbstractEventLoop] = resolve_name("uvloop:new_event_loop")
    except ImportError:
        factory = asyncio.new_event_loop
    return factory()
