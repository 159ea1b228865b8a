"""A store, a log, repositories and the resolver between them."""

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.builders import HOUR_MS, NOW_MS, ManualClock, deployment

from dora_exporter.commits.git.command import Git
from dora_exporter.commits.git.repositories import Repositories
from dora_exporter.commits.git.uploads import Uploads
from dora_exporter.commits.settings import GitSettings, RepositorySettings
from dora_exporter.commits.shipped_commits.commit_filter import CommitFilter
from dora_exporter.commits.shipped_commits.excluded_authors import Authors
from dora_exporter.commits.shipped_commits.resolver import Resolver
from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Apply, Unavailable
from dora_exporter.dora.events import Deployment, Shipped
from dora_exporter.dora.records import Deletion, Record
from dora_exporter.dora.store import EventStore

NAME = "git.example/shop/checkout"


def at_once(work: Coroutine[None, None, None]) -> None:
    """Does what only gives way to others from time to time, without giving way."""
    with contextlib.suppress(StopIteration):
        while True:
            work.send(None)


@dataclass
class MemoryLog:
    """A log that forgets at once, and can be made to refuse."""

    apply: Apply
    is_broken: bool = False
    records: list[Record] = field(default_factory=list)

    async def replay(self) -> AsyncIterator[Sequence[Record]]:
        """There is nothing to replay."""
        yield self.records

    async def start(self, apply: Apply) -> None:
        """Takes another state."""
        self.apply = apply

    async def append(self, records: Sequence[Record]) -> list[Outcome]:
        """Applies at once."""
        if self.is_broken:
            raise Unavailable("broken by the test")
        self.records.extend(records)
        return self.apply(records)

    async def close(self) -> None:
        """Nothing is open."""


class World:
    """Everything but HTTP."""

    def __init__(
        self,
        folder: Path,
        *,
        configured: Mapping[str, RepositorySettings] | None = None,
        patterns: Mapping[str, Sequence[str]] | None = None,
        authors: Sequence[str] = (),
        catalogue: Catalogue = NO_CATALOGUE,
        store: EventStore | None = None,
        clock: ManualClock | None = None,
        worlds: "list[World] | None" = None,
        settings: GitSettings | None = None,
        max_repository_bytes: int = 1 << 30,
    ) -> None:
        """Repositories are kept in the folder. ``worlds`` is the list of those to be closed, to which it is added."""
        if worlds is not None:
            worlds.append(self)
        self.clock = clock or ManualClock()
        self.store = store or EventStore()
        self.log = MemoryLog(self.store.apply_all)
        self.settings = settings or GitSettings()
        self.git = Git(self.settings.limits)
        self.repositories = Repositories(
            folder / "git",
            configured=configured or {},
            settings=self.settings,
            git=self.git,
            with_trees=bool(patterns),
        )
        self.repositories.load()
        self.repositories.find_unseen()
        self.uploads = Uploads(repositories=self.repositories, git=self.git, max_repository_bytes=max_repository_bytes)
        self._filter = CommitFilter(patterns or {}, Authors(authors), catalogue)
        self.resolver = self.another_resolver()
        self.store.observers.add(self.resolver.observe)
        at_once(self.resolver.load())

    def another_resolver(self) -> Resolver:
        """One that knows nothing yet."""
        return Resolver(
            store=self.store,
            log=self.log,
            repositories=self.repositories,
            clock=self.clock,
            settings=self.settings,
            commit_filter=self._filter,
        )

    def upload(self, pack: bytes, head: str, repository: str = NAME) -> None:
        """What a client's upload does."""
        folder = self.uploads.open()
        (folder / "incoming.pack").write_bytes(pack)
        self.uploads.add_pack(repository, head, folder / "incoming.pack")
        self.uploads.discard(folder)
        self.resolver.wake(repository)

    def deploy(self, sha: str, hour: float, **changes: object) -> str:
        """Stores a deployment that finished so many hours after the first; returns its id."""
        finished_at = NOW_MS - 1000 * HOUR_MS + int(hour * HOUR_MS)
        event = deployment(**{"commit_sha": sha, "repository": NAME, "finished_at": finished_at} | changes)
        self.store.apply(event)
        return event.id

    def delete(self, deployment_id: str) -> None:
        """Deletes a deployment."""
        self.store.apply(Deletion("deployment", deployment_id, self.clock()))

    def held(self, deployment_id: str) -> Deployment:
        """A deployment as it is now."""
        return self.store.deployments[deployment_id]

    def shipped(self, deployment_id: str) -> Shipped:
        """What a deployment shipped, which must be known."""
        shipped = self.held(deployment_id).shipped
        assert shipped is not None
        return shipped

    def shas(self, deployment_id: str) -> list[str]:
        """The commits that a deployment shipped, newest first."""
        return [commit.sha for commit in self.shipped(deployment_id).commits]

    async def close(self) -> None:
        """Ends what runs."""
        self.repositories.close()
        await self.resolver.close()
        await self.uploads.workers.close()


Begin = Callable[..., World]
"""Makes a world in the folder of the test."""
