"""The one thread that writes: what arrives during a flush shares the next one."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future as Promise
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Apply, Unavailable
from dora_exporter.dora.records import Record
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.outage import Outage
from dora_exporter.storage.file.appended_file import AppendedFile

PENDING_BYTES = 64 << 20
"""How much may wait for the disk before further appends are refused."""
BATCH_BYTES = 1 << 19
"""How much is flushed and applied at once: the records of a batch are applied in one go on the event loop."""

_CLOSED = "the snapshot file is closed"

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Append:
    records: Sequence[Record]
    data: bytes
    future: asyncio.Future[list[Outcome]]


@dataclass(frozen=True, slots=True)
class _Call:
    function: Callable[[], None]
    done: Promise[None]


class Writer:
    """Commits appends in the order in which they come. All methods are called on the event loop.

    Nothing passes between the thread and the loop but the queue, and one call back per batch. What is appended in one
    turn of the loop is queued together at its end: to wake the thread costs more than the rest of an append.
    """

    def __init__(self, file: AppendedFile, apply: Apply, *, clock: Clock, pending_bytes: int = PENDING_BYTES) -> None:
        """Starts the thread."""
        self._file = file
        self._apply = apply
        self._clock = clock
        self._pending_bytes = pending_bytes
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[list[_Append] | _Call] = SimpleQueue()
        self._next: _Call | None = None
        self._gathered: list[_Append] = []
        self._gathered_bytes = 0
        self._waiting = 0
        self._is_closed = False
        self._is_ended = False
        self.last_write_ms: int | None = None
        self.outage = Outage()
        self._thread = threading.Thread(target=self._run, name="snapshot", daemon=True)
        self._thread.start()

    def append(self, records: Sequence[Record], data: bytes) -> asyncio.Future[list[Outcome]]:
        """Queues the lines of records. Raises Unavailable when too much waits already."""
        if self._is_closed:
            raise Unavailable(_CLOSED)
        size = len(data)
        if self._waiting and self._waiting + size > self._pending_bytes:
            raise Unavailable("too many writes are waiting for the disk")
        self._waiting += size
        future: asyncio.Future[list[Outcome]] = self._loop.create_future()
        if not self._gathered:
            # At the end of this turn of the loop: requests that arrived together share one wake-up and one flush.
            self._loop.call_soon(self._hand_over)
        self._gathered.append(_Append(records, data, future))
        self._gathered_bytes += size
        if self._gathered_bytes >= BATCH_BYTES:
            self._hand_over()
        return future

    async def call(self, function: Callable[[], None]) -> None:
        """Runs a function in the thread between two batches; raises what it raises."""
        if self._is_closed:
            raise Unavailable(_CLOSED)
        await asyncio.wrap_future(self._enqueue(function))

    async def close(self) -> None:
        """Commits what was appended, then ends the thread."""
        if not self._is_closed:
            self._is_closed = True
            self._enqueue(self._end)
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self) -> None:
        if self._gathered:
            self._queue.put(self._gathered)
            self._gathered, self._gathered_bytes = [], 0

    def _enqueue(self, function: Callable[[], None]) -> Promise[None]:
        self._hand_over()
        done: Promise[None] = Promise()
        self._queue.put(_Call(function, done))
        return done

    def _end(self) -> None:
        self._is_ended = True

    def _run(self) -> None:
        batch: deque[_Append] = deque()
        try:
            while not self._is_ended:
                item = self._next or self._queue.get()
                self._next = None
                if isinstance(item, _Call):
                    self._answer(item)
                else:
                    batch = self._gather(item)
                    # Applied only now that it is durable, and on the loop, which alone touches the store.
                    self._loop.call_soon_threadsafe(self._settle, batch, self._commit(batch))
        finally:
            if not self._is_ended:
                self._loop.call_soon_threadsafe(self._abandon, batch)

    def _answer(self, call: _Call) -> None:
        if not call.done.set_running_or_notify_cancel():
            return
        try:
            call.function()
        except OSError as error:
            call.done.set_exception(error)
        else:
            call.done.set_result(None)
        finally:
            if not call.done.done():  # a defect that ends this thread
                call.done.set_exception(Unavailable(_CLOSED))

    def _gather(self, first: list[_Append]) -> deque[_Append]:
        """The first appends and all that came since, up to the size of a batch."""
        batch, size = deque(first), _size(first)
        while size < BATCH_BYTES:
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
            if isinstance(item, _Call):
                # It cannot be put back at the front of the queue, and must not overtake what was appended before it.
                self._next = item
                break
            batch.extend(item)
            size += _size(item)
        return batch

    def _commit(self, batch: deque[_Append]) -> Unavailable | None:
        try:
            self._file.append(b"".join([each.data for each in batch]))
        except OSError as error:
            self.note_failure(error)
            return Unavailable(f"the snapshot file cannot be written: {error.strerror}")
        self.last_write_ms = self._clock()
        if self.outage.since_ms is not None:
            self._note_success(self.last_write_ms)
        return None

    def note_failure(self, error: OSError) -> None:
        """Logs that the file cannot be written, once until it can be again."""
        if self.outage.fail(self._clock()):
            logger.error("snapshot file unavailable, writes are refused path=%s error=%r", self._file.path, str(error))

    def _note_success(self, now_ms: int) -> None:
        ended = self.outage.succeed(now_ms)
        if ended is not None:
            logger.warning("snapshot file available again path=%s after_seconds=%.1f", self._file.path, ended.seconds)

    def _settle(self, batch: deque[_Append], error: Unavailable | None) -> None:
        """Applies a committed batch and answers those who wait for it; one that cannot be applied stops none."""
        try:
            while batch:
                self._settle_one(batch.popleft(), error)
        finally:
            if batch:  # applying one raised: the others are just as durable, and their callers still wait
                self._loop.call_soon(self._settle, batch, error)

    def _abandon(self, batch: deque[_Append]) -> None:
        """Refuses all that waits, after the thread died of a defect."""
        self._is_closed = True
        self.note_failure(OSError("the writing thread died"))
        self._hand_over()
        if self._next is not None:
            _refuse(self._next)
        while not self._queue.empty():
            item = self._queue.get()
            if isinstance(item, _Call):
                _refuse(item)
            else:
                batch.extend(item)
        self._settle(batch, Unavailable(_CLOSED))

    def _settle_one(self, each: _Append, error: Unavailable | None) -> None:
        self._waiting -= len(each.data)
        answer = error or Unavailable("the record is stored but could not be applied")
        outcomes: list[Outcome] | None = None
        try:
            if error is None:
                outcomes = self._apply(each.records)
        finally:
            if each.future.done():  # whoever waited went away
                pass
            elif outcomes is None:
                each.future.set_exception(answer)
            else:
                each.future.set_result(outcomes)


def _refuse(call: _Call) -> None:
    if call.done.set_running_or_notify_cancel():  # else whoever waited went away
        call.done.set_exception(Unavailable(_CLOSED))


def _size(appends: list[_Append]) -> int:
    return sum(len(each.data) for each in appends)
