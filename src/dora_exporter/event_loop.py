"""The event loop that the daemon runs on: uvloop where there is one, else Python's own."""

import asyncio
from importlib.util import find_spec
from pkgutil import resolve_name


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A new loop. There is no uvloop for Windows, nor for Pythons other than CPython."""
    factory = resolve_name("uvloop:new_event_loop" if find_spec("uvloop") else "asyncio:new_event_loop")
    loop: asyncio.AbstractEventLoop = factory()
    return loop
