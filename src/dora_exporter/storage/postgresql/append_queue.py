"""Appends that wait for the database, and those whose rows are committed but not applied yet."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Unavailable
from dora_exporter.storage.postgresql.rows import Entry
from dora_exporter.storage.postgresql.statements import Fence

BATCH_BYTES = 1 << 18
"""How much is committed and applied at once."""
PENDING_BYTES = 64 << 20
"""How much may wait for the database before further appends are refused."""


@dataclass(eq=False)
class Append:
    """Records that a caller appends. ``fence`` is set where only the holder of a lease may write them."""

    entries: Sequence[Entry]
    fence: Fence | None
    size: int
    future: asyncio.Future[list[Outcome]]
    outcomes: list[Outcome] = field(default_factory=list)
    applied: int = 0

    def refuse(self, error: Unavailable) -> None:
        """Tells the caller that the records may not be durable."""
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # the caller may have been cancelled

    def note_applied(self, outcomes: Sequence[Outcome], count: int) -> None:
        """Notes that ``count`` of its records were applied; the caller gets the outcomes once all are."""
        self.outcomes += outcomes
        self.applied += count
        if self.applied >= len(self.entries) and not self.future.done():
            self.future.set_result(self.outcomes)


class Queue:
    """Appends in the order of the calls."""

    def __init__(self, pending_bytes: int = PENDING_BYTES) -> None:
        """Nothing waits."""
        self._waiting: deque[Append] = deque()
        self._pending_bytes = pending_bytes
        self._size = 0

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    def put(self, entries: Sequence[Entry], fence: Fence | None) -> asyncio.Future[list[Outcome]]:
        """Queues records; raises Unavailable when the queue is full."""
        size = sum(len(each.row.body) for each in entries)
        if self._size and self._size + size > self._pending_bytes:
            raise Unavailable("too many writes are waiting for the database")
        self._size += size
        append = Append(entries, fence, size, asyncio.get_running_loop().create_future())
        self._waiting.append(append)
        return append.future

    def next_batch(self) -> list[Append]:
        """Removes and returns the next appends, up to the size of a batch."""
        batch: list[Append] = []
        size = 0
        while self._waiting and size < BATCH_BYTES:
            append = self._waiting.popleft()
            size += append.size
            batch.append(append)
        self._size -= size
        return batch

    def refuse_all(self, error: Unavailable) -> None:
        """Refuses all appends in the queue."""
        refuse(self.drain(), error)

    def drain(self) -> list[Append]:
        """Removes and returns all appends."""
        everything = list(self._waiting)
        self._waiting.clear()
        self._size = 0
        return everything


def refuse(appends: Iterable[Append], error: Unavailable) -> None:
    """Refuses appends."""
    for each in appends:
        each.refuse(error)
