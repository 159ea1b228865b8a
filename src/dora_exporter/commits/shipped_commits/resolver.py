"""Finds out in the background which commits deployments shipped."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from dora_exporter.commits.git.command import GitFailed
from dora_exporter.commits.git.fetches import Fetches
from dora_exporter.commits.git.repositories import Repositories
from dora_exporter.commits.git.repository import Repository
from dora_exporter.commits.settings import GitSettings
from dora_exporter.commits.shipped_commits.commit_filter import CommitFilter
from dora_exporter.commits.shipped_commits.deployment_sequence import SequenceKey
from dora_exporter.commits.shipped_commits.resolution_queue import ResolutionQueue
from dora_exporter.commits.shipped_commits.resolve import ResolutionRequest, ResolutionResult, resolve
from dora_exporter.commits.shipped_commits.retry_queue import Due
from dora_exporter.commits.shipped_commits.unseen_commits import Arrival, Unseen, arrivals
from dora_exporter.dora.changes import Change
from dora_exporter.dora.event_log import Appendable, Unavailable
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.cooperative import in_background

logger = logging.getLogger(__name__)

_TICK_SECONDS = 5.0
_APPENDED_AT_ONCE = 16
_Result = TypeVar("_Result")


class Resolver:
    """Fills in ``Deployment.shipped``: an observer of the store that writes through the log.

    Life: ``load`` after the replay, ``start``, at last ``close``.
    """

    def __init__(
        self,
        *,
        store: EventStore,
        log: Appendable,
        repositories: Repositories,
        clock: Clock,
        settings: GitSettings,
        commit_filter: CommitFilter | None = None,
    ) -> None:
        """``commit_filter`` decides which commits give lead times; all do without one."""
        self._filter = commit_filter or CommitFilter()
        self._log = log
        self._repositories = repositories
        self._store = store
        self._clock = clock
        self._resolve_for_ms = settings.resolve_for.ms
        self._queue = self._new_queue()
        self._fetches = Fetches(repositories, clock=clock, threads=settings.threads)
        self.fetches = self._fetches.health
        self._readers = ThreadPoolExecutor(settings.threads, "git-read")
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._resolving = 0
        self._main: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        """How many deployments wait for their commits."""
        return self._queue.waiting + self._resolving

    @property
    def unknown(self) -> int:
        """How many deployments were given up; news of their repository has them tried again."""
        return self._queue.unknown

    async def load(self) -> None:
        """Queues the deployments of the store whose result is missing or outdated, a few milliseconds at a time."""
        await self._queue.load()

    async def renew(self) -> None:
        """Queues again what the store lacks, and forgets what was queued before."""
        before, self._queue = self._queue, self._new_queue()
        await self._queue.load()
        before.woken.set()

    async def use(self, commit_filter: CommitFilter) -> None:
        """Begins anew with another filter. What is being resolved by the one before is dropped, and resolved again."""
        self._filter = commit_filter
        before, self._queue = self._queue, self._new_queue()
        await self._queue.load(before)
        before.woken.set()

    def observe(self, changes: Sequence[Change]) -> None:
        """Follows writes to deployments."""
        self._queue.observe(changes)

    def wake(self, spelling: str) -> None:
        """Resolves the deployments of a repository now, because new commits came for it."""
        self._queue.wake(self._repositories.name_of(spelling))

    def start(self) -> None:
        """Begins to work in the background."""
        self._main = in_background(self._run(), name="commit resolver")

    async def work(self) -> None:
        """Does what is due by the clock, to its end."""
        while True:
            self._begin_due()
            if not self._tasks:
                return
            await asyncio.wait(self._tasks.values())

    async def close(self) -> None:
        """Stops, once a ``git`` that runs has ended; what is unknown is queued again by the next start."""
        tasks = [task for task in (self._main, *self._tasks.values()) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._readers.shutdown)
        await self._fetches.close()

    def _new_queue(self) -> ResolutionQueue:
        return ResolutionQueue(
            self._store,
            self._repositories,
            clock=self._clock,
            resolve_for_ms=self._resolve_for_ms,
            authors=self._filter.authors.fingerprint,
            catalogue=self._filter.catalogue,
        )

    async def _run(self) -> None:
        while True:
            self._begin_due()
            self._queue.woken.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._queue.woken.wait()

    def _begin_due(self) -> None:
        if self._queue.is_loading:
            return
        for name in {*self._queue.due_repositories(), *self._fetches.due()} - self._tasks.keys():
            self._tasks[name] = in_background(self._attend(name), name=f"commits of {name}")

    async def _attend(self, name: str) -> None:
        """Fetches a repository when that is due, and resolves the deployments of it that are due."""
        try:
            repository = self._repositories.held(name)
            if await self._fetches.fetch_if_due(repository):
                self._queue.wake(name)
            unknown = await self._resolve_due(name, repository)
            if await self._fetches.fetch_unknown(repository, unknown):
                self._queue.wake(name)
                await self._resolve_due(name, repository)
        except Exception:
            logger.exception("commit resolution failed repository=%s", name)
            await asyncio.sleep(_TICK_SECONDS)  # it is still due
        finally:
            del self._tasks[name]
            self._queue.woken.set()

    async def _resolve_due(self, name: str, repository: Repository) -> Collection[str]:
        """Resolves what is due of a repository; returns the SHAs that are not known."""
        looked_at: frozenset[str] | None = None
        if self._queue.pop_news(name):
            await self._queue.follow(name)
            looked_at = await self._look_for_unseen(name, repository)
            self._queue.put_passed_over(name)
        await self._queue.put_completable(name, repository.filled, repository.repeated)
        unknown: set[str] = set()
        while found := self._queue.pop_due(name):
            for key, due in found.items():
                shas = await self._resolve(key, due, repository)
                unknown.update(shas or ())
                looked_at = None if shas is None else looked_at
        if looked_at is not None:
            await self._read(repository.note_looked_at, looked_at)
        return unknown

    async def _look_for_unseen(self, name: str, repository: Repository) -> frozenset[str] | None:
        """Queues what commits change that came although nothing waited for them.

        Returns the packs that were looked at; None where that failed.
        """
        queue = self._queue
        try:
            packs, found = await self._read(self._arrivals_in_thread, queue.unseen(name), repository)
            queue.put_arrivals(name, found)
        except (GitFailed, OSError) as reason:
            logger.warning("cannot read repository history repository=%s reason=%s", repository.name, reason)
            return None
        return packs

    async def _resolve(self, key: SequenceKey, due: Due, repository: Repository) -> Sequence[str] | None:
        """Resolves what is due of a sequence, and appends the results; returns the SHAs that are not known.

        None where that failed, and is tried again.
        """
        queue = self._queue
        self._resolving += len(due.retries)
        try:
            result = await self._read(self._resolve_in_thread, self._request(key, due), repository)
            for start in range(0, len(result.resolutions), _APPENDED_AT_ONCE):
                if queue is not self._queue:  # the series may be others by now
                    self._queue.put_back_all(key, due)
                    return None
                await self._log.append(result.resolutions[start : start + _APPENDED_AT_ONCE])
        except (GitFailed, Unavailable, OSError) as reason:
            logger.warning("commit resolution failed repository=%s reason=%s", key.repository, reason)
        except Exception:
            logger.exception("commit resolution failed repository=%s", key.repository)
        else:
            queue.put_back(key, due, result.waiting)
            queue.put_rest(key, due, result.rest)
            return result.unknown_shas
        finally:
            self._resolving -= len(due.retries)
        queue.put_back_all(key, due)
        return None

    def _request(self, key: SequenceKey, due: Due) -> ResolutionRequest:
        return ResolutionRequest(
            sequence=self._queue.sequence(key),
            due=frozenset(due.retries),
            changes=tuple(due.changes),
            patterns=tuple(self._filter.patterns.get(key.series.service, ())),
            authors=self._filter.authors,
            last_tries=self._queue.last_tries(due),
        )

    def _resolve_in_thread(self, request: ResolutionRequest, repository: Repository) -> ResolutionResult:
        """Runs in a thread."""
        with repository.held():
            repository.refresh()
            result = resolve(request, repository)
        self._repositories.shrink(repository)
        return result

    def _arrivals_in_thread(
        self, unseen: Sequence[Unseen], repository: Repository
    ) -> tuple[frozenset[str], Sequence[Arrival]]:
        """What came, and the packs that it was found in. Runs in a thread."""
        with repository.held():
            repository.refresh()
            return repository.packs_read(), arrivals(unseen, repository)

    async def _read(self, work: Callable[..., _Result], *arguments: object) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._readers, work, *arguments)
