"""Yields to the event loop every few milliseconds during long work."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from dora_exporter.runtime.clock import stopwatch

TURN_SECONDS = 0.004
_BATCH = 512
_Step = TypeVar("_Step")
_Result = TypeVar("_Result")

logger = logging.getLogger(__name__)


class _Queue:
    """The tasks that wait for a turn. Each round of the event loop resumes one of them, however many wait."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_calling = False

    async def wait(self) -> None:
        loop = asyncio.get_running_loop()
        place = loop.create_future()
        self._waiting.append(place)
        if not self._is_calling:
            self._is_calling = True
            loop.call_soon(self._call, loop)
        await place

    def _call(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():  # it is where the work was cancelled
                place.set_result(None)
                break
        self._is_calling = bool(self._waiting)
        if self._is_calling:
            loop.call_soon(self._call, loop)


_queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue] = WeakKeyDictionary()


class Turn:
    """Measures how long a piece of work has kept the event loop since it last yielded."""

    def __init__(self) -> None:
        """Starts measuring now."""
        self._began = stopwatch()

    @property
    def is_over(self) -> bool:
        """Whether it has kept the event loop for some milliseconds."""
        return stopwatch() - self._began >= TURN_SECONDS

    async def give(self) -> None:
        """Yields to the event loop and to every waiting task, then starts the next turn."""
        await _queues.setdefault(asyncio.get_running_loop(), _Queue()).wait()
        self._began = stopwatch()


async def in_turns(steps: Iterable[_Step]) -> AsyncIterator[_Step]:
    """Yields the steps one by one, and control to the event loop every few milliseconds."""
    turn = Turn()
    for step in steps:
        yield step
        if turn.is_over:
            await turn.give()


def batches_as_of_now(items: Iterable[_Step]) -> Iterator[Sequence[_Step]]:
    """Many items as they are at the call, some at a time, whatever comes or goes in between.

    Each batch can be freed after its use: one list of a million takes long to free, and as much memory in one piece.
    """
    rest = iter(items)
    held = deque(iter(lambda: list(islice(rest, _BATCH)), []))
    return (held.popleft() for _ in range(len(held)))


async def in_batches(items: Iterable[_Step]) -> AsyncIterator[Sequence[_Step]]:
    """Yields ``batches_as_of_now`` of many items, and control to the event loop every few milliseconds.

    Where an item takes less than a microsecond, a turn for each would cost more than the work.
    """
    async for batch in in_turns(batches_as_of_now(items)):
        yield batch


async def in_slices(work: Callable[[], bool], *, pause_seconds: float = 0) -> None:
    """Calls ``work`` until it returns True, and yields to the event loop and to other long work between calls."""
    turn = Turn()
    while not work():
        if pause_seconds:
            await asyncio.sleep(pause_seconds)
        await turn.give()


def in_background(work: Coroutine[Any, Any, _Result], *, name: str) -> asyncio.Task[_Result]:
    """A background task; its exceptions are logged."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_log_exception)
    return task


def _log_exception(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (defect := task.exception()) is not None:
        logger.error("background task failed task=%s", task.get_name(), exc_info=defect)
