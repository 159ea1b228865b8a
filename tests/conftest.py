"""Tests run on the event loop that the daemon runs on, and one that hangs fails by its name."""

import asyncio
import gc
import inspect
import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

import pytest
from hypothesis import HealthCheck, settings
from tests.hanging import ending

from dora_exporter.app.event_loop import new_event_loop

# How fast examples are made says something of a busy machine, and nothing of the code: hangs fail by their own limit.
settings.register_profile("machine of any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("machine of any speed")

# Hundreds of tests start the program: it is compiled once, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

MARGIN_SECONDS = 5.0
"""So long before the whole run would be stopped for it."""


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {new_event_loop.__name__: new_event_loop}


@pytest.fixture
def no_garbage_search() -> Iterator[None]:
    """For tests that measure processor time: in the process of all tests a search takes a second."""
    gc.disable()
    yield
    gc.enable()


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """No signal gets through to a test that waits in the event loop, so its own loop ends it where it waits."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.obj = ending(item.obj, seconds=_seconds(item) - 2 * MARGIN_SECONDS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Says which test hangs before the whole run is stopped for it."""
    timer = threading.Timer(_seconds(item) - MARGIN_SECONDS, os.write, (2, f"\n{item.nodeid} hangs\n".encode()))
    timer.daemon = True
    timer.start()
    try:
        return (yield)
    finally:
        timer.cancel()


def _seconds(item: pytest.Item) -> float:
    """How long a test may take."""
    marker = item.get_closest_marker("timeout")
    given = marker.args[0] if marker and marker.args else item.config.getini("timeout")
    return float(given)
