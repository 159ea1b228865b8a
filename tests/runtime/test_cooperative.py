"""Long work lets others have their turn, and what goes wrong in the background is told."""

import asyncio
from weakref import ref

import pytest

from dora_exporter.runtime.cooperative import Turn, batches_as_of_now, in_background, in_slices, in_turns


async def test_others_have_their_turn_between_long_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dora_exporter.runtime.cooperative.TURN_SECONDS", 0)
    order: list[object] = []

    async def work(name: str) -> None:
        async for step in in_turns(range(3)):
            order.append((name, step))  # noqa: PERF401

    await asyncio.gather(work("a"), work("b"))
    assert order == [(name, step) for step in range(3) for name in "ab"]


async def test_however_many_work_only_one_of_them_has_a_turn_in_each_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dora_exporter.runtime.cooperative.TURN_SECONDS", 0)
    done: list[int] = []

    async def work(number: int) -> None:
        await Turn().give()
        async for _ in in_turns(range(3)):
            done.append(number)  # noqa: PERF401

    working = [asyncio.create_task(work(number)) for number in range(20)]
    working[5].cancel()
    in_round = []
    while not all(task.done() for task in working):
        before = len(done)
        await asyncio.sleep(0)
        in_round.append(len(done) - before)
    assert max(in_round) == 1
    assert sorted(done) == sorted([*range(5), *range(6, 20)] * 3)


async def test_who_is_cancelled_while_waiting_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dora_exporter.runtime.cooperative.TURN_SECONDS", 0)
    waiting = [asyncio.create_task(Turn().give()) for _ in range(5)]
    await asyncio.sleep(0)
    for task in waiting[:4]:
        task.cancel()
    await asyncio.wait_for(waiting[4], 5)
    await asyncio.wait_for(Turn().give(), 5)


async def test_short_steps_are_done_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dora_exporter.runtime.cooperative.TURN_SECONDS", 60)
    other = asyncio.create_task(asyncio.sleep(0))
    assert [step async for step in in_turns(range(3))] == [0, 1, 2]
    assert not other.done()
    await other


async def test_a_defect_in_the_background_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise RuntimeError("a defect")

    task = in_background(work(), name="rendering")
    await asyncio.wait([task])
    assert "background task failed task=rendering" in caplog.text
    assert "a defect" in caplog.text


async def test_the_end_of_a_task_that_is_cancelled_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    task = in_background(asyncio.sleep(60), name="waiting")
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert caplog.text == ""


async def test_however_many_work_in_slices_each_round_of_the_loop_has_one() -> None:
    done = 0

    def work() -> bool:
        nonlocal done
        done += 1
        return done > 300

    at_work = [asyncio.create_task(in_slices(work)) for _ in range(50)]
    await asyncio.sleep(0)  # each begins at once
    most = 0
    while not all(each.done() for each in at_work):
        before = done
        await asyncio.sleep(0)
        most = max(most, done - before)
    assert most == 1


def test_batches_hold_all_items_of_the_call_in_order_whatever_comes_or_goes_after_it() -> None:
    held = dict.fromkeys(range(2000))
    found = batches_as_of_now(held)
    first = next(found)
    held.clear()
    held[2000] = None
    others = list(found)
    assert [*first, *(item for batch in others for item in batch)] == list(range(2000))
    assert {len(batch) for batch in (first, *others[:-1])} == {512}


def test_nothing_has_no_batch() -> None:
    assert list(batches_as_of_now(())) == []


class Item:
    """Something whose end can be seen."""


def test_a_batch_is_freed_when_the_next_is_asked_for() -> None:
    items = [Item() for _ in range(600)]
    seen, found = ref(items[0]), batches_as_of_now(items)
    items.clear()
    next(found)
    assert seen() is None
