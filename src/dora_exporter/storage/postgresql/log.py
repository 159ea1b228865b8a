"""The ``EventLog`` in a database that replicas share."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Sequence

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Apply, Unavailable
from dora_exporter.dora.records import Record
from dora_exporter.runtime.clock import Clock, stopwatch
from dora_exporter.runtime.outage import Outage
from dora_exporter.storage.postgresql import schema, statements
from dora_exporter.storage.postgresql.append_queue import Append, Queue, refuse
from dora_exporter.storage.postgresql.connection import Link
from dora_exporter.storage.postgresql.error_classes import EXPECTED, LOST, REFUSED, reason
from dora_exporter.storage.postgresql.errors import DatabaseError
from dora_exporter.storage.postgresql.follower import Applied, Become
from dora_exporter.storage.postgresql.reader import Reader
from dora_exporter.storage.postgresql.rows import entries
from dora_exporter.storage.postgresql.statements import Fence
from dora_exporter.storage.postgresql.statistics import Statistics

logger = logging.getLogger(__name__)

_POLLED_EVERY_SECONDS = 0.2
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
_CLOSE_SECONDS = 1.5
"""So long a stop waits for a database that may have frozen."""


class PostgresLog:
    """An ``EventLog`` over tables. Life: ``open``, ``replay`` to its end, ``start``, then any use, ``close``.

    One task alone talks to the database: it commits what waits, all at once, and reads what others committed. Every
    replica applies the records in the order of their positions, its own among them, so all reach the same state.
    """

    def __init__(self, link: Link, *, clock: Clock) -> None:
        """Connects to nothing yet."""
        self._link = link
        self._clock = clock
        self._queue = Queue()
        self.applied = Applied()
        self._reader = Reader(link, self.applied)
        self._asking: list[asyncio.Future[None]] = []
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False
        self._last_write_ms: int | None = None
        self._outage = Outage()
        self.away_because = ""
        self._last_commit_seconds: float | None = None

    async def open(self) -> None:
        """Connects, and makes the tables when there are none; raises ``DatabaseError``."""
        try:
            await schema.prepare(self._link)
        except LOST as error:
            raise DatabaseError(f"the database cannot be used: {reason(error)}") from error

    async def replay(self) -> AsyncIterator[Sequence[Record]]:
        """The records kept so far. Raises ``DatabaseError``."""
        try:
            async with contextlib.aclosing(self._reader.everything()) as chunks:
                async for records in chunks:
                    yield records
        except LOST as error:
            raise DatabaseError(f"the database connection was lost: {reason(error)}") from error

    async def start(self, apply: Apply, *, follow: Apply | None = None, become: Become | None = None) -> None:
        """From here on every committed record is applied, those of other replicas by ``follow``."""
        self.applied.begin(apply, follow or apply, become)
        self._task = asyncio.create_task(self._run(), name="log")

    def append(self, records: Sequence[Record], *, fence: Fence | None = None) -> Awaitable[list[Outcome]]:
        """Commits records in one transaction, and applies them. Raises Unavailable, at once or when awaited."""
        self._check_presence()
        future = self._queue.put(entries(records), fence)
        self._woken.set()
        return future

    async def catch_up(self) -> None:
        """Waits until everything is applied that was committed before the call. Raises Unavailable."""
        self._check_presence()
        asking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asking.append(asking)
        self._woken.set()
        await asking

    def hurry(self) -> None:
        """Ends all waiting soon: a database that froze must not hold up the end."""
        asyncio.get_running_loop().call_later(_CLOSE_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._is_closing = True
        if self._task is not None:
            self._task.cancel()
            self._task.add_done_callback(lambda _: self._refuse_all(Unavailable("the daemon stops")))

    async def close(self) -> None:
        """Commits what was appended, then closes the connection."""
        self._is_closing = True
        self._woken.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_CLOSE_SECONDS)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._refuse_all(Unavailable("the daemon stops"))
        await self._link.close()

    @property
    def position(self) -> int:
        """The last position applied."""
        return self.applied.position

    def statistics(self) -> Statistics:
        """The state now."""
        return Statistics(
            position=self.applied.position,
            head=max(self.applied.head, self.applied.position),
            rows_lost=self.applied.lost,
            last_write_ms=self._last_write_ms,
            last_commit_seconds=self._last_commit_seconds,
            unavailable_since_ms=self._outage.since_ms,
        )

    def _check_presence(self) -> None:
        if self._outage.since_ms is not None:
            raise Unavailable(f"the database is unavailable: {self.away_because}")
        if self._task is None or self._is_closing:
            raise Unavailable("the event log is not open for writing")

    async def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._is_closing or self._queue:
            try:
                await self._turn()
            except Exception as error:
                if not isinstance(error, EXPECTED):
                    logger.exception("event log failed")
                self._note_failure(reason(error))
                if self._is_closing:
                    return
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                self._note_success()
                pause = _FIRST_PAUSE_SECONDS
                await self._rest()

    async def _rest(self) -> None:
        """Waits until there is something to do, or until it is time to read what others wrote."""
        if not (self._queue or self._asking or self._is_closing):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLLED_EVERY_SECONDS):
                    await self._woken.wait()
        self._woken.clear()

    async def _turn(self) -> None:
        """Commits the next batch, or reads what others wrote. Answers the ``catch_up`` calls made before."""
        asking, self._asking = self._asking, []
        batch = self._queue.next_batch()
        try:
            is_applied = bool(batch) and await self._write_what_can_be(batch)
            if asking or not is_applied:
                await self._reader.read_news()
        except BaseException:
            self._asking += asking
            refuse(batch, Unavailable("the database connection was lost"))
            raise
        for each in asking:
            if not each.done():
                each.set_result(None)

    async def _write_what_can_be(self, batch: list[Append]) -> bool:
        """Commits a batch, without a record that the database refuses; as ``_write``."""
        try:
            return await self._write(batch)
        except REFUSED as error:
            if isinstance(error, OSError):  # a certificate that is not trusted is a ValueError as well
                raise
            if len(batch) == 1:  # otherwise each record is tried alone: one that is refused must not take others along
                logger.error("record refused by the database reason=%s", reason(error))
                refuse(batch, Unavailable(f"the database refuses the record: {reason(error)}"))
                return False
        return all([await self._write_what_can_be([each]) for each in batch])

    async def _write(self, batch: list[Append]) -> bool:
        """Commits a batch, without what may not be written; whether nothing of others lies before it unapplied."""
        begun = stopwatch()
        rows = [entry.row for append in batch for entry in append.entries]
        # The nonce of the last row tells whether the log is still the one that was read, or was restored from a backup.
        nonce = secrets.randbits(62)
        async with self._link.transaction() as connection:
            fences = {each.fence for each in batch if each.fence is not None}
            base = await statements.append(connection, rows, nonce, fences=fences)
        if base is None:  # nothing at all was written, because a fence is broken
            permitted = await self._permitted(batch)
            if len(permitted) == len(batch):
                raise DatabaseError("the log accepts no records: does dora.head have its row?")
            return bool(permitted) and await self._write(permitted)
        self._last_commit_seconds = stopwatch() - begun
        self._last_write_ms = self._clock()
        return self.applied.apply_batch(batch, base, nonce)

    async def _permitted(self, batch: list[Append]) -> list[Append]:
        """Those of a batch that may be written; the others are refused."""
        fences = {each.fence for each in batch if each.fence is not None}
        async with self._link.transaction("READ ONLY") as connection:
            broken = [each for each in fences if not await statements.is_held(connection, each)]
        refuse([each for each in batch if each.fence in broken], Unavailable("another replica is the leader now"))
        return [each for each in batch if each.fence not in broken]

    def _note_failure(self, because: str) -> None:
        """Refuses what waits, and says so once until the database is back."""
        self.away_because = because
        if self._outage.fail(self._clock()):
            logger.error("database unavailable, writes are refused reason=%s", because)
        self._refuse_all(Unavailable(f"the database is unavailable: {because}"))

    def _note_success(self) -> None:
        ended = self._outage.succeed(self._clock())
        if ended is not None:
            logger.warning("database available again after_seconds=%.1f", ended.seconds)

    def _refuse_all(self, error: Unavailable) -> None:
        self._queue.refuse_all(error)
        self.applied.refuse(error)
        asking, self._asking = self._asking, []
        for each in asking:
            if not each.done():
                each.set_exception(error)
                each.exception()
