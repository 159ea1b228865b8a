"""Reads the shared log: all of it at the start, and from then on what was committed since."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.postgresql import statements
from dora_exporter.storage.postgresql.connection import Connection, Link
from dora_exporter.storage.postgresql.follower import Applied
from dora_exporter.storage.postgresql.statements import SNAPSHOT, Page

logger = logging.getLogger(__name__)

_PAGES_AT_ONCE = 20
_PAGE_SECONDS = 60
_REPLAY_SECONDS = 3600


class Reader:
    """Has what it reads applied, in the order of the positions."""

    def __init__(self, link: Link, applied: Applied) -> None:
        """Reads nothing yet."""
        self._link = link
        self._applied = applied

    async def read_news(self) -> None:
        """Applies what was committed until now."""
        is_known = False
        while not is_known:
            async with self._link.transaction(SNAPSHOT) as connection:
                head = await statements.head(connection, self._applied.position)
                self._applied.head = head.position
                if self._applied.is_continued_by(head):
                    is_known = await self._read_some(connection)
                    continue
            is_older = head.compacted_to <= self._applied.position
            await self._read_anew("the database has lost records" if is_older else "the log was compacted")

    async def _read_some(self, connection: Connection) -> bool:
        """Applies the next pages, not so many that it takes long; whether that was all."""
        async with contextlib.aclosing(statements.pages(connection, self._applied.position)) as pages:
            for _ in range(_PAGES_AT_ONCE):
                if self._applied.position == self._applied.head:
                    return True
                page = await anext(pages, None)
                if page is None:  # the last rows were removed from outside
                    self._applied.position = self._applied.head
                    return True
                self._applied.apply_page(page)
                await asyncio.sleep(0)
        return self._applied.position == self._applied.head

    async def _read_anew(self, because: str) -> None:
        """Takes over the whole state, where what was applied does not lead to it."""
        logger.warning("re-reading the event log position=%d reason=%s", self._applied.position, because)
        store = EventStore()
        async with contextlib.aclosing(self.everything()) as chunks:
            async for records in chunks:
                store.apply_all(records)
        await self._applied.become(store)

    async def everything(self) -> AsyncGenerator[list[Record], None]:
        """All records as of now, beginning with the order of the series. The next page comes while one is applied."""
        async with self._link.transaction(
            SNAPSHOT, seconds=_REPLAY_SECONDS, statement_seconds=300, idle_seconds=300
        ) as connection:
            yield [await statements.series_order(connection)]
            head = await statements.head(connection)
            pages = statements.pages(connection, 0)
            coming = asyncio.ensure_future(anext(pages, None))
            try:
                while (page := await _in_time(coming)) is not None:
                    coming = asyncio.ensure_future(anext(pages, None))
                    self._applied.lost += page.lost
                    yield [record for _, record in page.records]
            finally:
                coming.cancel()
        self._applied.stand_at(head)


async def _in_time(coming: asyncio.Future[Page | None]) -> Page | None:
    async with asyncio.timeout(_PAGE_SECONDS):
        return await coming
