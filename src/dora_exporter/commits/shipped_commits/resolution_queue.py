"""Queues the deployments whose commits are to be resolved, as the store and the repositories change."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from dora_exporter.commits.git.repositories import Repositories
from dora_exporter.commits.shipped_commits.deployment_sequence import (
    DeploymentSequences,
    SequenceChange,
    SequenceKey,
    names_of,
    origin,
)
from dora_exporter.commits.shipped_commits.incomplete_results import IncompleteResults
from dora_exporter.commits.shipped_commits.retry_queue import RETRY_MS, Due, Retry, RetryQueue
from dora_exporter.commits.shipped_commits.rule import hides, is_of
from dora_exporter.commits.shipped_commits.unseen_commits import Arrival, Unseen
from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.changes import Change
from dora_exporter.dora.events import Deployment, Event
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.cooperative import batches_as_of_now, in_batches, in_turns


class ResolutionQueue:
    """An observer of the store. Life: ``load`` after the replay, then any use.

    ``woken`` is set when something may be due at once.
    """

    def __init__(
        self,
        store: EventStore,
        repositories: Repositories,
        *,
        clock: Clock,
        resolve_for_ms: int,
        authors: str | None,
        catalogue: Catalogue = NO_CATALOGUE,
    ) -> None:
        """Results with another fingerprint of excluded ``authors``, or of other names of a series, are outdated.

        A deployment whose commit is unknown is tried again for ``resolve_for_ms``.
        """
        self._store = store
        self._repositories = repositories
        self._clock = clock
        self._authors = authors
        self._sequences = DeploymentSequences(repositories, catalogue)
        self._retries = RetryQueue(give_up_after_ms=resolve_for_ms)
        self._incomplete = IncompleteResults()
        self._with_news: set[str] = set()
        self._followed: set[str] = set()
        self._looked_into: set[str] = set()
        self._completed: dict[str, tuple[int, int]] = {}
        self._missed: list[Change] | None = None
        self.woken = asyncio.Event()

    @property
    def is_loading(self) -> bool:
        """Whether ``load`` has begun and not ended."""
        return self._missed is not None

    @property
    def waiting(self) -> int:
        """How many deployments are tried again later."""
        return self._retries.waiting

    @property
    def unknown(self) -> int:
        """How many deployments were given up; news of their repository has them tried again."""
        return self._retries.unknown

    async def load(self, before: "ResolutionQueue | None" = None) -> None:
        """Queues the deployments of the store whose result is missing or outdated.

        ``before`` is the queue whose place it takes: sequences that have other names there, or that it is not done
        with, are resolved again.

        Works a few milliseconds at a time, but for the sorting of a long sequence. What is observed during that is
        applied last.
        """
        self._missed = []
        self._followed.update(self._repositories.names())
        self._with_news.update(each for each in self._followed if self._repositories.held(each).has_unseen)
        async for some in in_batches(self._store.deployments.values() if self._followed else ()):
            for each in some:
                self._sequences.load(each)
        async for found in in_turns(self._outdated(before)):
            if found is not None:
                key, deployment = found
                now = self._clock()
                self._retries.put(key, deployment.id, Retry(min(deployment.finished_at, now), now))
        missed, self._missed = self._missed, None
        self.observe(missed)

    def _outdated(self, former: "ResolutionQueue | None") -> Iterator[tuple[SequenceKey, Deployment] | None]:
        """The deployments whose result is missing or outdated; None is a step to one."""
        for key, sequence in self._sequences.sort():
            names = names_of(sequence)
            its_origin = origin(names)
            is_other = former is not None and former.is_other(key, names)
            before: Deployment | None = None
            is_any_hidden = False
            for deployment in sequence:
                self._incomplete.note(key, deployment)
                is_any_hidden = is_any_hidden or (before is not None and hides(deployment, before))
                if deployment.shipped is not None and (is_any_hidden or deployment.shipped.partial):
                    # The daemon before may have ended when what it lacks had come, and was not looked at yet.
                    self._with_news.add(key.repository)
                is_due = is_other or self._is_outdated(deployment, before, its_origin)
                yield (key, deployment) if is_due and deployment.commits is None else None
                before = deployment

    def is_other(self, key: SequenceKey, names: Collection[tuple[str, str]]) -> bool:
        """Whether a sequence has other names here, or something of it is to be resolved."""
        return self._retries.holds_any(key) or names_of(self._sequences.sequence(key)) != names

    def _is_outdated(self, deployment: Deployment, before: Deployment | None, its_origin: str | None) -> bool:
        shipped = deployment.shipped
        if shipped is None or (before is not None and shipped.base != before.commit_sha):
            return True
        return not is_of(shipped, self._authors, its_origin)

    def observe(self, changes: Sequence[Change]) -> None:
        """Follows writes to deployments."""
        if self._missed is not None:
            self._missed += changes
            return
        if not self._repositories.names():
            return
        for before, after in changes:
            if before is not after and (self._sequences.concerns(before) or self._sequences.concerns(after)):
                self._compare(before, after)

    def _compare(self, before: Event | None, after: Event | None) -> None:
        """Follows the change of a deployment in each of its repositories."""
        old = {self._sequences.key(view): view for view in self._sequences.views(before)}
        new = {self._sequences.key(view): view for view in self._sequences.views(after)}
        for key in (*old, *(key for key in new if key not in old)):
            if key is not None:
                self._replace(key, old.get(key), new.get(key))

    def _replace(self, key: SequenceKey, old: Deployment | None, new: Deployment | None) -> None:
        is_in_place = self._sequences.place(old) == self._sequences.place(new)
        if is_in_place and old is not None and new is not None and self._sequences.has(old):
            self._update(key, old, new)
            return
        # One that came before its repository did is in no sequence yet.
        if old is not None and not is_in_place:
            self._untrack(key, old)
        if new is not None:
            self._track(key, new)

    def _update(self, key: SequenceKey, before: Deployment, after: Deployment) -> None:
        """Follows a change that concerns no other deployment."""
        self._sequences.put(before, after)
        self._incomplete.note(key, after)
        if after.commits is not None:
            self._retries.remove(key, after.id)
        elif before.commits is not None or (after.shipped is None and before.shipped is not None):
            self._retries.put(key, after.id, self._at_once())
            self.woken.set()

    def _track(self, key: SequenceKey, deployment: Deployment) -> None:
        self._sequences.put(None, deployment)
        self._incomplete.note(key, deployment)
        if deployment.commits is None:
            self._retries.put(key, deployment.id, self._at_once())
        self._change(key, deployment)

    def _untrack(self, key: SequenceKey, deployment: Deployment) -> None:
        self._sequences.put(deployment, None)
        self._retries.remove(key, deployment.id)
        self._incomplete.remove(key, deployment.id)
        if deployment.id not in self._store.expired:
            self._change(key, deployment)

    def _change(self, key: SequenceKey, deployment: Deployment) -> None:
        change = SequenceChange(finish_order(deployment), deployment.commit_sha or "")
        self._retries.put_change(key, change, self._clock())
        follower = self._sequences.follower(key, change)
        if follower is not None:
            self._retries.hasten(key, follower.id, self._clock())
        self.woken.set()

    def wake(self, repository: str) -> None:
        """Has all deployments of a repository tried again, because new commits came for it."""
        self._with_news.add(repository)
        self._retries.wake(repository, self._clock())
        self.woken.set()

    def due_repositories(self) -> set[str]:
        """The repositories with something due."""
        return {*self._retries.repositories(self._clock()), *self._with_news}

    def pop_news(self, repository: str) -> bool:
        """Whether new commits came for a repository since the last call."""
        has_news = repository in self._with_news
        self._with_news.discard(repository)
        return has_news

    async def follow(self, repository: str) -> None:
        """Tracks the deployments that were sent before their repository came; what changes during that is observed."""
        if repository in self._followed:
            return
        self._followed.add(repository)
        async for each in in_turns(chain.from_iterable(batches_as_of_now(self._store.deployments.values()))):
            for key in map(self._sequences.key, self._sequences.views(each)):
                if key is not None and key.repository == repository:
                    held = self._sequences.view(key, self._store.deployments.get(each.id))
                    if held is not None and not self._sequences.has(held):
                        self._track(key, held)

    def unseen(self, repository: str) -> Sequence[Unseen]:
        """The deployments of a repository whose commits later results may lack, as they had not come."""
        is_first = repository not in self._looked_into
        return [Unseen(key, self.sequence(key), shas, is_first) for key, shas in self._incomplete.unseen(repository)]

    def put_arrivals(self, repository: str, found: Iterable[Arrival]) -> None:
        """Queues what follows those of ``unseen`` whose commits have come."""
        self._looked_into.add(repository)
        for each in found:
            self._incomplete.see(each.key, each.seen)
            for change in each.changes:
                self._retries.put_change(each.key, change, self._clock())
            self._put_all((each.key, outdated) for outdated in each.outdated)

    def put_passed_over(self, repository: str) -> None:
        """Queues the deployments that passed over commits which may have come."""
        self._put_all(self._incomplete.passed_over(repository))

    async def put_completable(self, repository: str, holes_filled: int, repeated: int) -> None:
        """Queues all results of a repository, where more holes in its history were filled than at the last call.

        Also one that lacks nothing may hold commits that an earlier deployment reaches through a hole. Where commits
        came again, perhaps with folders, only partial results are queued, and at the first call: what came before may
        have been noticed by a daemon that ended then. Where that did not look at all that came, all are queued.
        """
        before = self._completed.get(repository)
        self._completed[repository] = (holes_filled, repeated)
        is_to_be_looked_at = before is None and self._repositories.held(repository).has_unseen
        if is_to_be_looked_at or holes_filled != (before[0] if before else 0):
            async for key, each in in_turns(self._sequences.of(repository)):
                if each.shipped is not None:
                    self._put(key, each.id, self._at_once())
        elif before is None or before[1] != repeated:
            self._put_all(self._incomplete.partial(repository))

    def pop_due(self, repository: str) -> Mapping[SequenceKey, Due]:
        """Removes and returns what is due of a repository."""
        return self._retries.pop_due(repository, self._clock())

    def sequence(self, key: SequenceKey) -> tuple[Deployment, ...]:
        """A sequence as it is now."""
        return self._sequences.sequence(key)

    def last_tries(self, due: Due) -> frozenset[str]:
        """The due deployments that are given up if their commit is still unknown."""
        return frozenset(each for each, retry in due.retries.items() if self._retries.is_over(retry, self._clock()))

    def put_back(self, key: SequenceKey, due: Due, ids: Iterable[str]) -> None:
        """Has deployments tried again after a pause."""
        now = self._clock()
        for each in ids:
            self._put(key, each, self._retries.next_after(due.retries.get(each) or Retry(now, now), now))

    def put_back_all(self, key: SequenceKey, due: Due) -> None:
        """Has all that was due tried again after a pause: resolving it failed."""
        self.put_back(key, due, due.retries)
        for change in due.changes:
            self._retries.put_change(key, change, self._clock() + RETRY_MS)

    def put_rest(self, key: SequenceKey, due: Due, ids: Iterable[str]) -> None:
        """Queues deployments that were not reached, or that the results of others concern."""
        for each in ids:
            self._put(key, each, due.retries.get(each) or self._at_once())

    def _put_all(self, found: Iterable[tuple[SequenceKey, str]]) -> None:
        for key, deployment_id in found:
            self._put(key, deployment_id, self._at_once())

    def _put(self, key: SequenceKey, deployment_id: str, retry: Retry) -> None:
        """Queues a deployment, unless it has moved or been queued since."""
        held = self._sequences.view(key, self._store.deployments.get(deployment_id))
        if held is not None and not self._retries.holds(key, deployment_id):
            self._retries.put(key, deployment_id, retry)

    def _at_once(self) -> Retry:
        now = self._clock()
        return Retry(now, now)
