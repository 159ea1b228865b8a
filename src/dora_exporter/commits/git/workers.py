"""Bounded pools of threads for the Git work that clients wait for, apart from all other work."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakValueDictionary

_WAITING_AT_MOST = 200

_Result = TypeVar("_Result")


class Busy(Exception):
    """Too much work is queued."""


class Workers:
    """Threads of their own for Git, and others for files, so that a slow ``git`` delays no page, scrape or event.

    At most one thread works on a repository, so a slow repository leaves the others free.
    """

    def __init__(self, threads: int, *, waiting_at_most: int = _WAITING_AT_MOST) -> None:
        """``waiting_at_most`` is how many may ask for Git at once, those at work included."""
        self._git = ThreadPoolExecutor(threads, "git-client")
        self._files = ThreadPoolExecutor(threads, "git-files")
        self._waiting_at_most = waiting_at_most
        self._waiting = 0
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def git(self, repository: str, work: Callable[..., _Result], *arguments: object) -> _Result:
        """The result of work that uses Git on a repository. Raises ``Busy``, and what the work raises."""
        if self._waiting >= self._waiting_at_most:
            raise Busy
        self._waiting += 1
        try:
            async with self._turn(repository):
                return await asyncio.get_running_loop().run_in_executor(self._git, work, *arguments)
        finally:
            self._waiting -= 1

    async def files(self, work: Callable[..., _Result], *arguments: object) -> _Result:
        """The result of work that uses the disk."""
        return await asyncio.get_running_loop().run_in_executor(self._files, work, *arguments)

    async def close(self) -> None:
        """Waits for running work; cancels queued work."""
        for threads in (self._git, self._files):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)

    def _turn(self, repository: str) -> asyncio.Lock:
        turn = self._turns.get(repository)
        if turn is None:
            turn = self._turns[repository] = asyncio.Lock()
        return turn
