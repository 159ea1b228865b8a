"""Bounds the concurrent uploads. A slow upload loses its slot to a new one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from dora_exporter.runtime.clock import Stopwatch, stopwatch
from dora_exporter.web.server.errors import BadRequest, NotNow

GRACE_SECONDS = 10.0
"""The time for which an upload keeps its slot, however slow it is."""
SLOWEST_BYTES_PER_SECOND = 64 << 10
"""An upload that is slower on average keeps its slot only while there are free ones."""


class Slot:
    """The slot of one upload. The receiver adds to ``received`` and sets when it has stopped receiving."""

    def __init__(self, began: float) -> None:
        """``began`` is in seconds of a stopwatch."""
        self.received = 0
        self.is_receiving = True
        self._began = began
        self._deadline: asyncio.Timeout | None = None
        self._is_lost = False

    def bytes_per_second(self, now: float) -> float:
        """How fast it has been on average."""
        return self.received / max(now - self._began, 1e-9)

    def is_trickling(self, now: float) -> bool:
        """Whether another upload may take its slot."""
        is_old = now - self._began >= GRACE_SECONDS
        return self.is_receiving and is_old and self.bytes_per_second(now) < SLOWEST_BYTES_PER_SECOND

    def lose(self) -> None:
        """Ends the upload at its next step, and one that waits at once."""
        self._is_lost = True
        if self._deadline is not None and not self._deadline.expired():  # one that expires cannot be rescheduled
            self._deadline.reschedule(0)

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """The block must end within so many seconds. Raises ``BadRequest``, and ``NotNow`` once the slot is lost."""
        if self._is_lost:
            raise _lost()
        try:
            async with asyncio.timeout(seconds) as self._deadline:
                yield
        except TimeoutError as error:
            if self._is_lost:
                raise _lost() from None
            raise BadRequest(f"the rest of the request body was not received within {seconds:g} s") from error
        finally:
            self._deadline = None


def _lost() -> NotNow:
    return NotNow("the upload is slow, and its place is needed for another one")


class UploadSlots:
    """A number of slots."""

    def __init__(self, most: int, *, stopwatch: Stopwatch = stopwatch) -> None:
        """``most`` is how many uploads may come in at once."""
        self._most = most
        self._stopwatch = stopwatch
        self._slots: set[Slot] = set()

    @contextmanager
    def slot(self) -> Iterator[Slot]:
        """A slot until the end of the block. Raises ``NotNow`` when all are taken by uploads that are fast enough."""
        if len(self._slots) >= self._most:
            self._free_slowest()
        slot = Slot(self._stopwatch())
        self._slots.add(slot)
        try:
            yield slot
        finally:
            self._slots.discard(slot)

    def _free_slowest(self) -> None:
        now = self._stopwatch()
        trickling = [each for each in self._slots if each.is_trickling(now)]
        if not trickling:
            raise NotNow(f"{self._most} uploads are in progress, which is the limit")
        slowest = min(trickling, key=lambda each: each.bytes_per_second(now))
        self._slots.discard(slowest)
        slowest.lose()
