"""Runs jobs on intervals: the only importer of APScheduler."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from dora_exporter.runtime.clock import Clock, stopwatch, system_clock

logger = logging.getLogger(__name__)

Job = Callable[[], Awaitable[float | None]]
"""The work of each tick. It may return the seconds within which it must run again."""

_JITTER_RATIO = 0.1
_STOP_SECONDS = 1.0
_WATCH_SECONDS = 10.0
_SMALL_STEP = timedelta(seconds=2)


class _Interval(IntervalTrigger):  # type: ignore[misc]
    """An interval that is counted from now on when its next time has passed.

    APScheduler would go through every tick in between, which after a jump of the clock by years takes minutes.
    """

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        planned: datetime = super().get_next_fire_time(previous_fire_time, now)
        if planned <= now:
            planned = super().get_next_fire_time(now, now)
        return planned


class Schedule:
    """Jobs by name, each run on its own interval. A job that still runs at its tick skips it; none waits for another.

    ``start`` it in a running loop; jobs may be added before and after. A tick comes up to a tenth of the interval
    late, so that many daemons do not call one upstream in step.
    """

    def __init__(self, *, clock: Clock = system_clock, chance: Callable[[], float] = random.random) -> None:
        """``chance`` returns a random number from 0 up to 1."""
        self._clock = clock
        self._chance = chance
        self._offset_ms = self._clock_offset()
        self._watch: asyncio.Task[None] | None = None
        self._runs: dict[str, asyncio.Task[None]] = {}
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=defaults)

    def start(self) -> None:
        """From here on jobs run."""
        self._scheduler.start()
        self._watch = asyncio.create_task(self._follow_clock())

    async def stop(self) -> None:
        """Ends every run, within a second, and starts no other."""
        if self._watch is not None:
            self._scheduler.pause()
            await self._end([self._watch, *self._runs.values()])
            self._scheduler.shutdown(wait=False)
            self._watch = None

    def every(self, seconds: float, job: Job, *, name: str, first_within: float | None = None) -> None:
        """Runs a job on an interval, in place of the one that had this name.

        It first runs within ``first_within`` seconds, or an interval if that is shorter; at the end of the first
        interval when that is None.
        """
        first = seconds if first_within is None else self._chance() * min(seconds, first_within)
        self._scheduler.add_job(
            self._fire,
            _Interval(seconds=seconds, jitter=seconds * _JITTER_RATIO, timezone=UTC),
            args=(name, job),
            id=name,
            name=name,
            next_run_time=self._in(first),
            replace_existing=True,
        )

    def has(self, name: str) -> bool:
        """Whether there is a job of that name."""
        return self._scheduler.get_job(name) is not None

    async def drop(self, name: str) -> None:
        """Ends a job and the run of it that is under way. Without effect when there is none of that name."""
        if self.has(name):
            self._scheduler.remove_job(name)
        if name in self._runs:
            await self._end([self._runs[name]])

    async def _fire(self, name: str, job: Job) -> None:
        """Starts a run in a task of its own, so that the scheduler never sees two at once."""
        if name not in self._runs:
            run = asyncio.create_task(self._run(name, job), name=name)
            self._runs[name] = run
            run.add_done_callback(lambda _: self._runs.pop(name, None))

    async def _run(self, name: str, job: Job) -> None:
        try:
            again_within = await job()
        except Exception:
            logger.exception("scheduled job failed job=%s", name)
            return
        planned = self._scheduler.get_job(name)
        if again_within is not None and planned is not None:
            planned.modify(next_run_time=min(planned.next_run_time, self._in(again_within)))

    async def _end(self, runs: list[asyncio.Task[None]]) -> None:
        for run in runs:
            run.cancel()
        if runs:
            _, late = await asyncio.wait(runs, timeout=_STOP_SECONDS)
            for run in late:
                logger.warning("scheduled job still running job=%s", run.get_name())

    async def _follow_clock(self) -> None:
        """APScheduler plans by the wall clock: when that is set back an hour, nothing would run for an hour."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            self.note_clock_step()

    def note_clock_step(self) -> None:
        """Shifts all planned runs by the step of the wall clock since the last call."""
        before, self._offset_ms = self._offset_ms, self._clock_offset()
        step = timedelta(milliseconds=self._offset_ms - before)
        if abs(step) > _SMALL_STEP:
            logger.warning("the clock was set seconds=%d", step.total_seconds())
            for job in self._scheduler.get_jobs():
                job.modify(next_run_time=job.next_run_time + step)

    def _clock_offset(self) -> int:
        return self._clock() - round(stopwatch() * 1000)

    def _in(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(self._clock() / 1000, UTC) + timedelta(seconds=seconds)
