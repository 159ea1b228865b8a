"""Fetches the configured repositories: each at its interval, and when a deployment names an unknown commit."""

import asyncio
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from dora_exporter.commits.git.command import GitFailed
from dora_exporter.commits.git.fetch_health import FetchHealth, fetch_single
from dora_exporter.commits.git.repositories import Repositories
from dora_exporter.commits.git.repository import Repository
from dora_exporter.runtime.clock import Clock


class Fetches:
    """Decides when a repository is fetched, and does so in threads of its own."""

    def __init__(self, repositories: Repositories, *, clock: Clock, threads: int) -> None:
        """``threads`` is how many fetches may run at once."""
        self._clock = clock
        self._threads = ThreadPoolExecutor(threads, "git-fetch")
        self.health = {
            repository.name: FetchHealth(label, repositories.interval_ms(label))
            for label, repository in repositories.configured.items()
        }

    def due(self) -> list[str]:
        """The repositories whose interval is over."""
        now = self._clock()
        return [name for name, health in self.health.items() if health.is_due(now)]

    async def fetch_if_due(self, repository: Repository) -> bool:
        """Fetches a repository if its interval is over; whether that brought commits."""
        health = self.health.get(repository.name)
        return health is not None and health.is_due(self._clock()) and await self._fetch(repository, health)

    async def fetch_unknown(self, repository: Repository, shas: Collection[str]) -> bool:
        """Fetches a repository for unknown commits, by their names where no branch has them.

        False without a fetch: the repository is not configured, or the last one was a moment ago.
        """
        health = self.health.get(repository.name)
        if health is None or not shas or not health.may_repeat(self._clock()):
            return False
        await self._fetch(repository, health)
        missing = tuple(sha for sha in shas if not repository.knows(sha))
        if missing and not health.is_failing:
            await asyncio.get_running_loop().run_in_executor(self._threads, fetch_single, repository, missing)
        return True

    async def close(self) -> None:
        """Waits for fetches that run."""
        await asyncio.to_thread(self._threads.shutdown)

    async def _fetch(self, repository: Repository, health: FetchHealth) -> bool:
        health.last_attempt_ms = self._clock()
        size = len(repository)
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, repository.fetch)
        except (GitFailed, OSError) as reason:
            health.failed(reason)
            return False
        health.succeeded(self._clock())
        return len(repository) != size
