"""Opens the event log (file or PostgreSQL) for commands that read all of it or append to it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from queue import Queue
from threading import Thread
from typing import Any

from dora_exporter.app.settings import Settings, StoreSettings
from dora_exporter.dora.event_log import EventLog
from dora_exporter.dora.records import Record
from dora_exporter.runtime.clock import system_clock
from dora_exporter.storage.file import SnapshotFile, read
from dora_exporter.storage.postgresql.driver import needing_driver

_PIECES_AHEAD = 4


def records(settings: Settings) -> Iterator[Record]:
    """All records, also while a daemon writes. Raises SnapshotError or DatabaseError."""
    if settings.store.is_database:
        return _in_database(settings.store)
    return read(settings.snapshot.path)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[EventLog]:
    """The log, to be replayed and appended to; the file's lock is held. Raises SnapshotError or DatabaseError."""
    log: Any
    if settings.store.is_database:
        log = _database_log(settings.store, name="import")
        await log.open()
    else:
        log = SnapshotFile(settings.snapshot.path, durability=settings.snapshot.durability)
        log.open()
    try:
        yield log
    finally:
        await log.close()


def _database_log(store: StoreSettings, *, name: str) -> Any:  # noqa: ANN401
    link = needing_driver("dora_exporter.storage.postgresql.connection:Link")(store.read_url, name=name)
    return needing_driver("dora_exporter.storage.postgresql.log:PostgresLog")(link, clock=system_clock)


def _in_database(store: StoreSettings) -> Iterator[Record]:
    """Reads in a thread with its own event loop, a few pages ahead."""
    log: EventLog = _database_log(store, name="reading")
    pages: Queue[Sequence[Record] | BaseException | None] = Queue(_PIECES_AHEAD)
    Thread(target=lambda: asyncio.run(_pump(log, pages)), daemon=True).start()
    while (page := pages.get()) is not None:
        if isinstance(page, BaseException):
            raise page
        yield from page


async def _pump(log: EventLog, pages: Queue[Sequence[Record] | BaseException | None]) -> None:
    end: BaseException | None = None
    try:
        async for page in log.replay():
            await asyncio.to_thread(pages.put, page)
        await log.close()
    except Exception as error:  # noqa: BLE001  # raised again where the records are wanted
        end = error
    await asyncio.to_thread(pages.put, end)
