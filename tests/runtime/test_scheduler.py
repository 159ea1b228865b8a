"""When scheduled jobs run, and when they do not."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest

from dora_exporter.runtime.clock import stopwatch, system_clock
from dora_exporter.runtime.scheduler import Schedule

HOUR = 3600.0


@pytest.fixture
async def schedule() -> AsyncIterator[Schedule]:
    running = Schedule(chance=lambda: 0.0)
    running.start()
    yield running
    await running.stop()


class Runs:
    """A job that says when it runs, and goes on until it may end."""

    def __init__(self, *, again_within: float | None = None) -> None:
        self.begun = 0
        self.cancelled = 0
        self.may_end = asyncio.Event()
        self._changed = asyncio.Condition()
        self._again_within = again_within

    async def __call__(self) -> float | None:
        self.begun += 1
        async with self._changed:
            self._changed.notify_all()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self._again_within

    async def until(self, begun: int) -> None:
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: self.begun >= begun)


async def test_the_first_run_comes_within_the_time_given(schedule: Schedule) -> None:
    job = Runs()
    schedule.every(HOUR, job, name="job", first_within=5.0)
    await job.until(1)


async def test_a_short_interval_makes_the_first_run_come_within_it() -> None:
    schedule = Schedule(chance=lambda: 0.999)
    schedule.start()
    job = Runs()
    schedule.every(0.1, job, name="job", first_within=HOUR)
    await job.until(1)
    await schedule.stop()


async def test_a_long_run_skips_its_ticks_and_never_meets_itself(
    schedule: Schedule, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    slow, quick = Runs(), Runs()
    quick.may_end.set()
    schedule.every(0.01, slow, name="slow", first_within=0.01)
    schedule.every(0.01, quick, name="quick", first_within=0.01)
    await quick.until(10)
    assert slow.begun == 1
    slow.may_end.set()
    await slow.until(2)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_failing_job_runs_again_and_disturbs_no_other(
    schedule: Schedule, caplog: pytest.LogCaptureFixture
) -> None:
    failures = 0
    other = Runs()
    other.may_end.set()

    async def failing() -> None:
        nonlocal failures
        failures += 1
        raise RuntimeError("a defect")

    schedule.every(0.01, failing, name="failing", first_within=0.01)
    schedule.every(0.01, other, name="other", first_within=0.01)
    await other.until(10)
    assert failures > 1
    assert caplog.messages[:1] == ["scheduled job failed job=failing"]


async def test_a_job_may_ask_to_run_sooner(schedule: Schedule) -> None:
    job = Runs(again_within=0.01)
    job.may_end.set()
    schedule.every(HOUR, job, name="job", first_within=1.0)
    await job.until(3)


async def test_a_dropped_job_is_ended_and_its_name_is_free(schedule: Schedule) -> None:
    old, new = Runs(), Runs()
    schedule.every(0.01, old, name="job", first_within=0.01)
    await old.until(1)
    await schedule.drop("job")
    await schedule.drop("job")
    assert old.cancelled == 1
    schedule.every(0.01, new, name="job", first_within=0.01)
    await new.until(1)
    assert old.begun == 1


@pytest.mark.usefixtures("no_garbage_search")
async def test_a_job_takes_the_place_of_the_one_that_had_its_name(schedule: Schedule) -> None:
    old, new = Runs(), Runs()
    schedule.every(HOUR, old, name="job")
    schedule.every(HOUR, new, name="job", first_within=5.0)
    await new.until(1)
    await schedule.drop("job")
    assert not schedule.has("job")
    assert old.begun == 0


async def test_stopping_ends_what_runs_at_once() -> None:
    schedule = Schedule(chance=lambda: 0.0)
    schedule.start()
    job = Runs()
    schedule.every(HOUR, job, name="job", first_within=1.0)
    await job.until(1)
    began = stopwatch()
    await schedule.stop()
    await schedule.stop()
    assert job.cancelled == 1
    assert stopwatch() - began < 1.0


async def test_a_run_that_does_not_end_is_named_and_holds_the_end_up_no_longer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    schedule = Schedule(chance=lambda: 0.0)
    schedule.start()
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        begun.set()
        while not may_end.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await may_end.wait()
        ended.set()

    schedule.every(HOUR, stubborn, name="stubborn", first_within=1.0)
    await asyncio.wait_for(begun.wait(), 5)
    await schedule.stop()
    may_end.set()
    await asyncio.wait_for(ended.wait(), 5)
    assert caplog.messages == ["scheduled job still running job=stubborn"]


async def test_a_clock_that_is_set_back_does_not_stop_the_jobs(caplog: pytest.LogCaptureFixture) -> None:
    set_back_ms = 0
    schedule = Schedule(clock=lambda: system_clock() - set_back_ms, chance=lambda: 0.0)
    schedule.start()
    job = Runs()
    schedule.every(HOUR, job, name="job")
    schedule.note_clock_step()
    assert job.begun == 0
    set_back_ms = 2 * 3_600_000
    schedule.note_clock_step()
    await job.until(1)
    await schedule.stop()
    (said,) = caplog.messages
    assert said in ("the clock was set seconds=-7200", "the clock was set seconds=-7199")


async def test_a_clock_that_jumped_by_years_holds_nothing_up() -> None:
    """A machine without a battery starts in 1970, and learns the time later."""
    running = Schedule(clock=lambda: 0, chance=lambda: 0.0)
    runs = Runs()
    runs.may_end.set()
    running.every(1, runs, name="often")
    running.start()
    await runs.until(1)
    await running.stop()
