"""The search for what deployments shipped: repositories, uploads, and the workers in the background."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from aiohttp import web

from dora_exporter.app.derived_settings import definitions
from dora_exporter.app.settings import Settings
from dora_exporter.app.telemetry import CommitCounts, CommitsCollector
from dora_exporter.commits.correlator import Correlator
from dora_exporter.commits.git.command import Git
from dora_exporter.commits.git.commit_object import is_sha
from dora_exporter.commits.git.repositories import Repositories
from dora_exporter.commits.git.uploads import Uploads
from dora_exporter.commits.providers.contract import Lend
from dora_exporter.commits.pull_requests.forges import Forges
from dora_exporter.commits.pull_requests.pull_request_resolver import PullRequestResolver
from dora_exporter.commits.shipped_commits.commit_filter import CommitFilter
from dora_exporter.commits.shipped_commits.excluded_authors import Authors
from dora_exporter.commits.shipped_commits.resolver import Resolver
from dora_exporter.dora.correlations import waits_for_commit, what_waits
from dora_exporter.dora.event_log import Appendable
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.repository_parts import views_of
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.cooperative import batches_as_of_now, in_background
from dora_exporter.web.api import git_metadata
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.server.limits import CurrentRules


class CommitSearch:
    """Life: made before the replay, ``start`` after it, ``stop`` at the end.

    Of many replicas one searches, from ``lead`` to ``follow``; all take uploads.
    """

    def __init__(self, settings: Settings, *, store: EventStore, log: Appendable, clock: Clock, lend: Lend) -> None:
        """Commits that are found are appended to ``log``. Sources ``lend`` their credentials to providers."""
        self._lend = lend
        self._store = store
        self._log = log
        self._clock = clock
        self._settings = settings.git
        self._pull_requests = settings.pull_requests
        self._filter = CommitFilter(
            _patterns(settings), Authors(settings.commits.exclude_authors), definitions(settings).catalogue
        )
        git = Git(settings.git.limits)
        self._repositories = Repositories(
            settings.git_folder,
            configured=settings.repositories,
            settings=settings.git,
            git=git,
            with_trees=bool(self._filter.patterns),
        )
        self.uploads = Uploads(
            repositories=self._repositories,
            git=git,
            max_repository_bytes=settings.git.max_repository_bytes,
            threads=settings.git.threads,
        )
        self._resolver: Resolver | None = None
        self._pull_request_resolver: PullRequestResolver | None = None
        self._correlator: Correlator | None = None
        self._counts = CommitCounts()
        self._counting: asyncio.Task[None] | None = None
        self.collector = CommitsCollector(
            counts=self._counts,
            resolver=lambda: self._resolver,
            pull_request_resolver=lambda: self._pull_request_resolver,
            repositories=self._repositories,
        )

    def routes(
        self, *, rules: CurrentRules, access: Access, share: git_metadata.Share | None = None
    ) -> list[web.RouteDef]:
        """The endpoints that take uploads. ``share`` makes each known to the other replicas."""
        endpoints = git_metadata.GitMetadata(
            uploads=self.uploads,
            wake=self.wake,
            share=share,
            max_pack_bytes=self._settings.max_pack_bytes,
            rules=rules,
        )
        return endpoints.routes(access)

    async def start(self) -> None:
        """Looks what repositories are here, and begins to count what is held."""
        await asyncio.to_thread(self._repositories.load)
        self._store.observers.add(self._counts.observe, self._count_again, only_linked=True)
        held = batches_as_of_now(self._store.deployments.values())
        self._counting = in_background(self._counts.load(held), name="commit counts")

    async def _count_again(self) -> None:
        """Counts what is held now in place of what was counted."""
        held = batches_as_of_now(self._store.deployments.values())
        if self._counting is not None:
            self._counting.cancel()
        self._counts.clear()
        await self._counts.load(held)

    async def lead(self) -> None:
        """Looks for what is missing, and follows the store from then on."""
        await self.follow()  # should the last turn have ended half way
        await asyncio.to_thread(self._repositories.find_unseen)  # who led before may have been killed
        self._resolver = Resolver(
            store=self._store,
            log=self._log,
            repositories=self._repositories,
            clock=self._clock,
            settings=self._settings,
            commit_filter=self._filter,
        )
        self._pull_request_resolver = PullRequestResolver(
            store=self._store,
            log=self._log,
            forges=Forges(self._pull_requests, self._repositories, clock=self._clock, lend=self._lend),
            clock=self._clock,
            settings=self._settings,
            authors=self._filter.authors,
        )
        self._correlator = Correlator(store=self._store, log=self._log, clock=self._clock)
        workers: tuple[Resolver | PullRequestResolver | Correlator, ...]
        workers = (self._resolver, self._pull_request_resolver, self._correlator)
        for worker in workers:
            self._store.observers.add(worker.observe, worker.renew, only_linked=True)
        self._store.cursors.observe(self._correlator.hear)
        for worker in workers:
            await worker.load()
            worker.start()

    async def use(self, settings: Settings) -> None:
        """Looks again for what deployments shipped where other names make other series."""
        catalogue = definitions(settings).catalogue
        if catalogue != self._filter.catalogue:
            # Without patterns at the start there are no trees to match any against.
            patterns = _patterns(settings) if self._filter.patterns else {}
            self._filter = replace(self._filter, catalogue=catalogue, patterns=patterns)
            if self._resolver is not None:
                await self._resolver.use(self._filter)

    async def follow(self) -> None:
        """Leaves the search to another replica. Without effect where it did not lead."""
        workers = [each for each in (self._pull_request_resolver, self._resolver, self._correlator) if each is not None]
        if self._correlator is not None:
            self._store.cursors.ignore(self._correlator.hear)
        self._pull_request_resolver = self._resolver = self._correlator = None
        for worker in workers:
            self._store.observers.remove(worker.observe)
        await asyncio.gather(*(worker.close() for worker in workers))

    def why_unknown(self, deployment: Deployment) -> str | None:
        """The reason why the commits of a deployment are unknown; None if they are known, or it names no repository."""
        reasons = filter(None, map(self._why_unknown, views_of(deployment)))
        return next(reasons, None)

    def _why_unknown(self, deployment: Deployment) -> str | None:
        name, sha = deployment.repository, deployment.commit_sha
        if waits_for_commit(deployment):
            return f"its commits are unknown: {what_waits(deployment)} stands for no commit that was told"
        if not name or not sha or deployment.has_known_commits:
            return None
        if not is_sha(sha):
            return f"its commits are unknown: {sha} is not a full SHA"
        if not self._repositories.holds(name):
            return f"its commits are unknown: the repository {name} is neither configured nor uploaded"
        health = self._resolver.fetches.get(self._repositories.name_of(name)) if self._resolver else None
        if health is not None and health.is_failing:
            return f"its commits are unknown: the repository {name} cannot be fetched: {health.problem}"
        return f"its commits are unknown: the repository {name} has no commit {sha} yet, or not the one before it"

    def wake(self, repository: str) -> None:
        """Resolves the deployments of a repository now, because new commits came for it."""
        if self._resolver is not None:
            self._resolver.wake(repository)

    def end_git(self) -> None:
        """Ends every ``git`` that runs; from here on none is started."""
        self._repositories.close()

    async def stop(self) -> None:
        """Ends the search and every ``git`` that runs, but not the threads of uploads."""
        self.end_git()
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.gather(self._counting, return_exceptions=True)
        await self.follow()


def _patterns(settings: Settings) -> Mapping[str, Sequence[str]]:
    services = settings.services
    return {name: each.source_patterns for name, each in services.items() if each.source_patterns}
