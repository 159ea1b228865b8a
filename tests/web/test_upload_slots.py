"""Which upload keeps its place when all are taken."""

import asyncio

import pytest

from dora_exporter.web.api.upload_slots import GRACE_SECONDS, SLOWEST_BYTES_PER_SECOND, Slot, UploadSlots
from dora_exporter.web.server.errors import BadRequest, NotNow


class ManualStopwatch:
    """Stands still until it is advanced."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def receiving(slot: Slot) -> None:
    """Waits for a piece that does not come."""
    async with slot.within(60):
        await asyncio.Event().wait()


def test_one_more_than_there_are_slots_is_refused_while_all_are_young() -> None:
    watch = ManualStopwatch()
    slots = UploadSlots(1, stopwatch=watch)
    with slots.slot():
        watch.seconds += GRACE_SECONDS - 1
        with pytest.raises(NotNow, match="1 uploads are in progress, which is the limit"), slots.slot():
            pass
    with slots.slot():
        pass


async def test_the_slowest_upload_gives_its_slot_up_at_once() -> None:
    watch = ManualStopwatch()
    slots = UploadSlots(2, stopwatch=watch)
    with slots.slot() as slower, slots.slot() as slow:
        slower.received, slow.received = 10, 1000
        waiting = asyncio.create_task(receiving(slower)), asyncio.create_task(receiving(slow))
        await asyncio.sleep(0)
        watch.seconds += GRACE_SECONDS
        with slots.slot():
            with pytest.raises(NotNow, match="its place is needed for another one"):
                await waiting[0]
            with pytest.raises(NotNow, match="its place is needed for another one"):
                await receiving(slower)
            assert not waiting[1].done()
        waiting[1].cancel()


@pytest.mark.parametrize("is_receiving", [True, False])
def test_an_upload_that_is_fast_or_complete_keeps_its_slot(*, is_receiving: bool) -> None:
    watch = ManualStopwatch()
    slots = UploadSlots(1, stopwatch=watch)
    with slots.slot() as slot:
        slot.is_receiving = is_receiving
        slot.received = int(GRACE_SECONDS * SLOWEST_BYTES_PER_SECOND) if is_receiving else 0
        watch.seconds += GRACE_SECONDS
        with pytest.raises(NotNow, match="which is the limit"), slots.slot():
            pass


async def test_a_piece_that_does_not_come_in_time_is_the_clients_fault() -> None:
    with UploadSlots(1).slot() as slot, pytest.raises(BadRequest, match="not received within 0 s"):
        async with slot.within(0):
            await asyncio.Event().wait()


async def test_an_upload_whose_time_is_up_already_may_lose_its_slot() -> None:
    with UploadSlots(1).slot() as slot:

        async def late() -> None:
            async with slot.within(0):
                await asyncio.Event().wait()

        waiting = asyncio.create_task(late())
        await asyncio.sleep(0)  # the block is entered
        await asyncio.sleep(0)  # its time is up, which it does not know yet
        slot.lose()
        with pytest.raises(NotNow):
            await waiting
