"""Finds out in the background which commits deployments shipped."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

from dora_exporter.commits.git.command import GitFailed
from dora_exporter.commits.git.fetch_health import FetchHealth, fetch_single
from dora_exporter.commits.git.repositories import Library
from dora_exporter.commits.git.repository import Repository
from dora_exporter.commits.settings import GitSettings
from dora_exporter.commits.shipped_commits.deployment_sequence import Disturbance, LineKey, Lines
from dora_exporter.commits.shipped_commits.excluded_authors import EVERYBODY, Authors
from dora_exporter.commits.shipped_commits.resolve import Answer, Question, settle
from dora_exporter.commits.shipped_commits.retry_queue import RETRY_MS, Due, Wait, WaitingRoom
from dora_exporter.commits.shipped_commits.rule import has_passed_over
from dora_exporter.dora.event_log import Appendable, Unavailable
from dora_exporter.dora.events import Deployment, Event
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.repository_parts import views_of
from dora_exporter.dora.store import Change, EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.cooperative import in_background, in_turns

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
        library: Library,
        clock: Clock,
        settings: GitSettings,
        patterns: Mapping[str, Sequence[str]] | None = None,
        authors: Authors = EVERYBODY,
    ) -> None:
        """``patterns`` are the paths that count, by service; of others all do. ``authors`` says who is left out."""
        self._authors = authors
        self._store = store
        self._log = log
        self._library = library
        self._clock = clock
        self._patterns = {service: tuple(each) for service, each in (patterns or {}).items()}
        self.lines = Lines(library.name_of, library.holds)
        self._room = WaitingRoom(give_up_after_ms=settings.resolve_for.ms)
        self._partial: dict[LineKey, set[str]] = {}
        self._passing: dict[LineKey, set[str]] = {}
        self._news: set[str] = set()
        self._followed: set[str] = set()
        self._filled: dict[str, int] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._looking_at = 0
        self._missed: list[Change] | None = None
        self._woken = asyncio.Event()
        self._main: asyncio.Task[None] | None = None
        self._readers = ThreadPoolExecutor(settings.threads, "git-read")
        self._fetchers = ThreadPoolExecutor(settings.threads, "git-fetch")
        self.fetches = {
            repository.name: FetchHealth(label, library.interval_ms(label))
            for label, repository in library.configured.items()
        }

    @property
    def pending(self) -> int:
        """How many deployments wait for their commits."""
        return self._room.waiting + self._looking_at

    @property
    def unknown(self) -> int:
        """How many deployments were waited for in vain; news of their repository is looked at nevertheless."""
        return self._room.unknown

    async def load(self) -> None:
        """Takes in the deployments of the store, and asks for what is not known or not true any more.

        A few milliseconds at a time, but for the sorting of a long line. What is observed meanwhile is taken in last.
        """
        self._missed = []
        self._followed.update(self._library.names())
        async for each in in_turns(list(self._store.deployments.values()) if self._followed else ()):
            for view in self._views(each):
                self.lines.load(view)
        async for key, deployment, before in in_turns(self._in_lines()):
            self._ask_if_outdated(key, deployment, before)
        missed, self._missed = self._missed, None
        self.observe(missed)

    def _in_lines(self) -> Iterator[tuple[LineKey, Deployment, Deployment | None]]:
        """Each deployment with the one before it in its line."""
        for key, line in self.lines.sort():
            before: Deployment | None = None
            for each in line:
                yield key, each, before
                before = each

    def _ask_if_outdated(self, key: LineKey, deployment: Deployment, before: Deployment | None) -> None:
        self._note_doubts(key, deployment)
        shipped = deployment.shipped
        is_outdated = (
            shipped is None
            or (before is not None and shipped.base != before.commit_sha)
            or (bool(shipped.commits) and shipped.authors != self._authors.fingerprint)
        )
        if deployment.commits is None and is_outdated:
            now = self._clock()
            self._room.ask(key, deployment.id, Wait(min(deployment.finished_at, now), now))

    def observe(self, changes: Sequence[Change]) -> None:
        """Takes in writes to deployments."""
        if self._missed is not None:
            self._missed += changes
            return
        if not self._library.names():
            return
        for before, after in changes:
            if before is not after and (self._concerns(before) or self._concerns(after)):
                self._compare(before, after)

    def _concerns(self, event: Event | None) -> bool:
        """Whether it is about a repository that is here."""
        if not isinstance(event, Deployment):
            return False
        return self._library.holds(event.repository or "") or any(
            self._library.holds(each.repository) for each in event.further
        )

    def _compare(self, before: Event | None, after: Event | None) -> None:
        """Takes in the change of a deployment, in each of its repositories for itself."""
        old = {self.lines.key(view): view for view in self._views(before)}
        new = {self.lines.key(view): view for view in self._views(after)}
        for key in (*old, *(key for key in new if key not in old)):
            if key is not None:
                self._take(old.get(key), new.get(key))

    def _views(self, event: Event | None) -> Sequence[Deployment]:
        """A deployment as that of each of its repositories; of two names of one repository the first counts."""
        if not isinstance(event, Deployment):
            return ()
        if not event.further:
            return (event,)
        views = {self._library.name_of(view.repository or ""): view for view in reversed(views_of(event))}
        return tuple(views.values())

    def _view(self, key: LineKey, deployment_id: str) -> Deployment | None:
        """A deployment as it is held, if it belongs to a line, as that of the line's repository."""
        views = self._views(self._store.deployments.get(deployment_id))
        return next((view for view in views if self.lines.key(view) == key), None)

    def _take(self, old: Deployment | None, new: Deployment | None) -> None:
        if self._place(old) == self._place(new):
            self._take_in_place(old, new)
        else:
            self._take_away(old)
            self._take_on(new)

    def wake(self, spelling: str) -> None:
        """Resolves the deployments of a repository now, because new commits came for it."""
        self._wake(self._library.name_of(spelling))

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
        """Stops, after a ``git`` that runs; what is not known yet is asked for again after the next start."""
        tasks = [task for task in (self._main, *self._tasks.values()) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for threads in (self._readers, self._fetchers):
            await asyncio.to_thread(threads.shutdown)

    async def _run(self) -> None:
        while True:
            self._begin_due()
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._woken.wait()

    def _begin_due(self) -> None:
        now = self._clock()
        to_fetch = [name for name, health in self.fetches.items() if health.is_due(now)]
        for name in {*self._room.repositories(now), *to_fetch, *self._news} - self._tasks.keys():
            self._tasks[name] = in_background(self._attend(name), name=f"commits of {name}")

    async def _attend(self, name: str) -> None:
        """Fetches a repository when that is due, and settles what is due of its lines."""
        try:
            repository = await self._in(self._readers, self._library.find, name)
            health = self.fetches.get(name)
            if repository is None or health is None:
                await self._settle(name, repository)
                return
            if health.is_due(self._clock()):
                await self._fetch(repository, health)
            unknown = await self._settle(name, repository)
            if unknown and health.may_repeat(self._clock()):
                await self._fetch(repository, health)
                missing = tuple(sha for sha in unknown if not repository.knows(sha))
                if missing and not health.is_failing:
                    await self._in(self._fetchers, fetch_single, repository, missing)
                self._wake(name)
                await self._settle(name, repository)
        except Exception:
            logger.exception("commit resolution failed repository=%s", name)
            await asyncio.sleep(_TICK_SECONDS)  # it is still due
        finally:
            del self._tasks[name]
            self._woken.set()

    async def _fetch(self, repository: Repository, health: FetchHealth) -> None:
        health.last_attempt_ms = self._clock()
        size = len(repository)
        try:
            await self._in(self._fetchers, repository.fetch)
        except (GitFailed, OSError) as reason:
            health.failed(reason)
        else:
            health.succeeded(self._clock())
            if len(repository) != size:
                self._wake(repository.name)

    async def _settle(self, name: str, repository: Repository | None) -> set[str]:
        """Settles what is due of a repository; returns the SHAs that are not known."""
        unknown: set[str] = set()
        if name in self._news:
            self._news.discard(name)
            if repository is not None and name not in self._followed:
                await self._begin_to_follow(name)
            await self._read_news(repository)
            self._ask_all(name, self._passing)
        self._ask_partial(name, repository)
        while taken := self._room.take(name, self._clock()):
            for key, due in taken.items():
                unknown.update(await self._settle_line(key, due, repository))
        return unknown

    async def _begin_to_follow(self, name: str) -> None:
        """Takes on the deployments that came before their repository did; what changes meanwhile is observed."""
        self._followed.add(name)
        async for each in in_turns(list(self._store.deployments.values())):
            for view in self._views(each):
                key = self.lines.key(view)
                if key is not None and key.repository == name:
                    held = self._view(key, each.id)
                    if held is not None and not self.lines.has(held):
                        self._take_on(held)

    async def _read_news(self, repository: Repository | None) -> None:
        if repository is not None:
            try:
                await self._in(self._readers, repository.refresh)
            except (GitFailed, OSError) as reason:
                logger.warning("cannot read repository history repository=%s reason=%s", repository.name, reason)

    async def _settle_line(self, key: LineKey, due: Due, repository: Repository | None) -> Sequence[str]:
        question = Question(
            line=self.lines.line(key),
            due=frozenset(due.waits),
            disturbances=tuple(due.disturbances),
            patterns=self._patterns.get(key.series.service, ()),
            authors=self._authors,
            last_tries=frozenset(each for each, wait in due.waits.items() if self._room.is_over(wait, self._clock())),
        )
        self._looking_at += len(due.waits)
        try:
            answer = await self._in(self._readers, self._answer, question, repository)
            for start in range(0, len(answer.resolutions), _APPENDED_AT_ONCE):
                await self._log.append(answer.resolutions[start : start + _APPENDED_AT_ONCE])
        except (GitFailed, Unavailable, OSError) as reason:
            logger.warning("commit resolution failed repository=%s reason=%s", key.repository, reason)
            self._try_again(key, due)
            return ()
        except Exception:
            logger.exception("commit resolution failed repository=%s", key.repository)
            self._try_again(key, due)
            return ()
        finally:
            self._looking_at -= len(due.waits)
        self._put_back(key, due, answer.waiting)
        for each in answer.rest:
            self._ask(key, each, due.waits.get(each) or Wait(self._clock(), self._clock()))
        return answer.unknown_shas

    def _answer(self, question: Question, repository: Repository | None) -> Answer:
        """Runs in a thread."""
        if repository is None:
            return settle(question, None)
        with repository.held():
            repository.refresh()
            answer = settle(question, repository)
        self._library.shrink(repository)
        return answer

    def _try_again(self, key: LineKey, due: Due) -> None:
        self._put_back(key, due, due.waits)
        for disturbance in due.disturbances:
            self._room.disturb(key, disturbance, self._clock() + RETRY_MS)

    def _put_back(self, key: LineKey, due: Due, ids: Iterable[str]) -> None:
        now = self._clock()
        for each in ids:
            self._ask(key, each, self._room.again(due.waits.get(each) or Wait(now, now), now))

    def _ask(self, key: LineKey, deployment_id: str, wait: Wait) -> None:
        """Asks again for a deployment, unless meanwhile it moved or was asked for."""
        if self._view(key, deployment_id) is not None and not self._room.holds(key, deployment_id):
            self._room.ask(key, deployment_id, wait)

    def _wake(self, name: str) -> None:
        self._news.add(name)
        self._room.wake(name, self._clock())
        self._woken.set()

    def _ask_partial(self, name: str, repository: Repository | None) -> None:
        """Asks for what was cut off at a hole in the history, when one was filled since the last time."""
        filled = repository.filled if repository else 0
        if self._filled.get(name, 0) == filled:
            return
        self._filled[name] = filled
        self._ask_all(name, self._partial)

    def _ask_all(self, name: str, noted: Mapping[LineKey, Iterable[str]]) -> None:
        """Asks anew for deployments of a repository that were noted."""
        now = self._clock()
        for key, ids in noted.items():
            if key.repository == name:
                for each in ids:
                    self._ask(key, each, Wait(now, now))

    def _place(self, deployment: Deployment | None) -> tuple[object, ...] | None:
        key = self.lines.key(deployment)
        return None if key is None or deployment is None else (key, finish_order(deployment), deployment.commit_sha)

    def _take_in_place(self, before: Deployment | None, after: Deployment | None) -> None:
        """A deployment changed in a way that concerns no other."""
        key = self.lines.key(after)
        if key is None or before is None or after is None:
            return
        if not self.lines.has(before):  # it came before its repository did, and nobody asked for it yet
            self._take_on(after)
            return
        self.lines.put(before, after)
        self._note_doubts(key, after)
        if after.commits is not None:
            self._room.leave(key, after.id)
        elif after.shipped is None and (before.shipped is not None or before.commits is not None):
            self._room.ask(key, after.id, Wait(self._clock(), self._clock()))
            self._woken.set()

    def _take_away(self, deployment: Deployment | None) -> None:
        key = self.lines.key(deployment)
        if key is not None and deployment is not None:
            self.lines.put(deployment, None)
            self._room.leave(key, deployment.id)
            for noted in (self._partial, self._passing):
                noted.get(key, set()).discard(deployment.id)
            if deployment.id not in self._store.expired:
                self._disturb(key, deployment)

    def _take_on(self, deployment: Deployment | None) -> None:
        key = self.lines.key(deployment)
        if key is not None and deployment is not None:
            self.lines.put(None, deployment)
            self._note_doubts(key, deployment)
            if deployment.commits is None:
                self._room.ask(key, deployment.id, Wait(self._clock(), self._clock()))
            self._disturb(key, deployment)

    def _disturb(self, key: LineKey, deployment: Deployment) -> None:
        disturbance = Disturbance(finish_order(deployment), deployment.commit_sha or "")
        self._room.disturb(key, disturbance, self._clock())
        self._woken.set()

    def _note_doubts(self, key: LineKey, deployment: Deployment) -> None:
        """Remembers a deployment of which news of its repository may say more."""
        shipped = deployment.shipped
        is_partial = shipped is not None and shipped.partial
        for noted, is_in_doubt in ((self._partial, is_partial), (self._passing, has_passed_over(deployment))):
            if is_in_doubt:
                noted.setdefault(key, set()).add(deployment.id)
            elif key in noted:
                noted[key].discard(deployment.id)

    @staticmethod
    async def _in(threads: Executor, work: Callable[..., _Result], *arguments: object) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(threads, work, *arguments)
