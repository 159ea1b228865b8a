"""A log that lives in memory and commits a moment later, as a disk does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence

import msgspec

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Apply, Unavailable
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore


class MemoryLog:
    """Keeps records as JSON, so that what cannot be written to a file fails here.

    It refuses while ``is_full``, all after the next ``fails_after``, and the ``fails_next`` ones.
    """

    def __init__(self, apply: Apply) -> None:
        self.lines: list[bytes] = []
        self.is_full = False
        self.fails_after: int | None = None
        self.fails_next = 0
        self.may_commit = asyncio.Event()
        self.may_commit.set()
        self.largest_append = 0
        self._apply = apply

    async def replay(self) -> AsyncIterator[Sequence[Record]]:
        yield [msgspec.json.decode(line, type=Record) for line in self.lines]

    async def start(self, apply: Apply) -> None:
        self._apply = apply

    def append(self, records: Sequence[Record]) -> Awaitable[list[Outcome]]:
        self.largest_append = max(self.largest_append, len(records))
        return asyncio.ensure_future(self._commit([msgspec.json.encode(record) for record in records]))

    async def close(self) -> None:
        self.is_full = True

    async def _commit(self, lines: list[bytes]) -> list[Outcome]:
        await asyncio.sleep(0)
        await self.may_commit.wait()
        if self.fails_next:
            self.fails_next -= 1
            raise Unavailable("the disk was full")
        if self.fails_after is not None:
            self.fails_after -= 1
        if self.is_full or (self.fails_after is not None and self.fails_after < 0):
            raise Unavailable("the disk is full")
        self.lines += lines
        records = [msgspec.json.decode(line, type=Record) for line in lines]
        return self._apply(records)


def replayed(lines: Sequence[bytes]) -> EventStore:
    """The store that the lines of a log describe."""
    store = EventStore()
    for line in lines:
        store.apply(msgspec.json.decode(line, type=Record))
    return store
