"""How much waits for the database, how much is committed at once, and what those who wait are told."""

import asyncio
import gc
from collections.abc import Callable, Sequence

import pytest

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Unavailable
from dora_exporter.dora.records import Cursor
from dora_exporter.storage.postgresql.append_queue import BATCH_BYTES, Append, Queue
from dora_exporter.storage.postgresql.rows import Entry, entries


def record(name: str, size: int) -> Sequence[Entry]:
    """A record whose row has so many bytes."""
    bare = len(entries([Cursor(name, {"x": ""})])[0].row.body)
    return entries([Cursor(name, {"x": "y" * (size - bare)})])


def names(batch: Sequence[Append]) -> list[str]:
    return [each.entries[0].row.id for each in batch]


async def test_what_is_larger_than_the_whole_queue_is_taken_where_nothing_waits() -> None:
    queue = Queue(pending_bytes=100)
    queue.put(record("a", 101), None)
    with pytest.raises(Unavailable, match="too many writes"):
        queue.put(record("b", 50), None)
    assert names(queue.next_batch()) == ["a"]


async def test_the_queue_is_filled_to_its_last_byte() -> None:
    queue = Queue(pending_bytes=200)
    queue.put(record("a", 100), None)
    with pytest.raises(Unavailable, match="too many writes"):
        queue.put(record("b", 101), None)
    queue.put(record("c", 100), None)
    assert names(queue.next_batch()) == ["a", "c"]


@pytest.mark.parametrize("take", [Queue.next_batch, Queue.drain])
async def test_what_was_taken_makes_room(take: Callable[[Queue], list[Append]]) -> None:
    queue = Queue(pending_bytes=200)
    for _ in range(3):
        queue.put(record("a", 100), None)
        queue.put(record("b", 100), None)
        assert names(take(queue)) == ["a", "b"]
        assert not queue
        queue.put(record("larger", 201), None)
        assert names(take(queue)) == ["larger"]


async def test_a_batch_ends_with_the_append_that_fills_it() -> None:
    queue = Queue()
    half = BATCH_BYTES // 2
    for name, size in (("a", half), ("b", half - 1), ("c", half), ("d", half), ("e", half), ("f", half)):
        queue.put(record(name, size), None)
    assert [names(queue.next_batch()) for _ in range(3)] == [["a", "b", "c"], ["d", "e"], ["f"]]
    assert queue.next_batch() == []


async def test_an_append_of_several_records_is_answered_once_all_are_applied() -> None:
    queue = Queue()
    answer = queue.put(entries([Cursor("a", {}), Cursor("b", {})]), None)
    (append,) = queue.next_batch()
    append.note_applied([Outcome.CREATED], 1)
    assert not answer.done()
    append.note_applied([Outcome.UPDATED], 1)
    assert answer.done()
    assert answer.result() == [Outcome.CREATED, Outcome.UPDATED]


async def test_everybody_who_waits_is_refused_and_nobody_who_was_answered() -> None:
    queue = Queue()
    answered, first, second = (queue.put(record(name, 100), None) for name in "abc")
    answered.set_result([])
    queue.refuse_all(Unavailable("the daemon stops"))
    for each in (first, second):
        with pytest.raises(Unavailable, match="the daemon stops"):
            await each
    assert await answered == []
    assert not queue


async def test_a_caller_that_was_cancelled_is_neither_answered_nor_refused() -> None:
    queue = Queue()
    answers = [queue.put(record(name, 100), None) for name in "ab"]
    for each in answers:
        each.cancel()
    applied, refused = queue.next_batch()
    applied.note_applied([], 1)
    refused.refuse(Unavailable("the daemon stops"))
    assert all(each.cancelled() for each in answers)


async def test_a_refusal_that_nobody_waits_for_is_no_error_of_the_loop() -> None:
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    queue = Queue()
    queue.put(record("a", 100), None)
    queue.refuse_all(Unavailable("the daemon stops"))
    gc.collect()
    assert said == []
