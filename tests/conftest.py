"""Tests run on the event loop that the daemon runs on."""

import asyncio
from collections.abc import Callable, Mapping

from dora_exporter.event_loop import new_event_loop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {new_event_loop.__name__: new_event_loop}
