"""The search for what deployments shipped: repositories, uploads, and the workers in the background."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiohttp import web

from dora_exporter.clock import Clock
from dora_exporter.commits.git import Git
from dora_exporter.commits.library import Library
from dora_exporter.commits.provider import PullRequestSettings
from dora_exporter.commits.resolver import Resolver
from dora_exporter.commits.reviewing import Reviewer
from dora_exporter.commits.settings import GitSettings, RepositorySettings
from dora_exporter.commits.telemetry import CommitsCollector, CommitTally
from dora_exporter.commits.uploads import Uploads
from dora_exporter.log import EventLog
from dora_exporter.store import EventStore
from dora_exporter.web import git_metadata
from dora_exporter.web.access import Access
from dora_exporter.web.rules import CurrentRules


class CommitSearch:
    """Life: made before the replay, ``start`` after it, ``close`` at the end."""

    def __init__(
        self,
        *,
        store: EventStore,
        log: EventLog,
        clock: Clock,
        folder: Path,
        settings: GitSettings,
        repositories: Mapping[str, RepositorySettings],
        pull_requests: Mapping[str, PullRequestSettings],
        patterns: Mapping[str, Sequence[str]],
    ) -> None:
        """``folder`` holds the repositories; ``patterns`` are the paths that count, by service."""
        git = Git(settings.limits)
        self._store = store
        self._settings = settings
        self._library = Library(folder, configured=repositories, settings=settings, git=git, with_trees=bool(patterns))
        self._uploads = Uploads(library=self._library, git=git, max_repository_bytes=settings.max_repository_bytes)
        self._resolver = Resolver(
            store=store, log=log, library=self._library, clock=clock, settings=settings, patterns=patterns
        )
        self._reviewer = Reviewer(
            store=store, log=log, library=self._library, clock=clock, settings=settings, configured=pull_requests
        )
        self._tally = CommitTally()
        self.collector = CommitsCollector(tally=self._tally, resolver=self._resolver, library=self._library)

    def routes(self, *, rules: CurrentRules, access: Access) -> list[web.RouteDef]:
        """The endpoints that take uploads."""
        return git_metadata.routes(
            uploads=self._uploads,
            wake=self._resolver.wake,
            max_pack_bytes=self._settings.max_pack_bytes,
            rules=rules,
            access=access,
        )

    async def start(self) -> None:
        """Looks for what is missing, and follows the store from then on."""
        await asyncio.to_thread(self._library.load)
        self._tally.load(self._store.deployments.values())
        self._store.observe(self._tally.observe)
        workers: tuple[Resolver | Reviewer, ...] = (self._resolver, self._reviewer)
        for worker in workers:
            worker.load()
            self._store.observe(worker.observe)
            worker.start()

    async def close(self) -> None:
        """Ends the workers and every ``git`` that runs."""
        await self._reviewer.close()
        await self._resolver.close()
