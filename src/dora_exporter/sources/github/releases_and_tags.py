"""Reads the releases and tags that webhooks missed."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from dora_exporter.dora.events import Deployment
from dora_exporter.sources.contract import Ignored, Sink
from dora_exporter.sources.github import happened
from dora_exporter.sources.github.graphql import FIRST_PAGE, PAGE, GitHubApi, nodes_of, shaped
from dora_exporter.sources.github.happened import Happened, NotUnderstood, Repository
from dora_exporter.sources.github.mapping import DeploymentMapping
from dora_exporter.sources.github.queries import RELEASES_AND_TAGS
from dora_exporter.sources.github.reach import Reach
from dora_exporter.sources.github.rows import Page
from dora_exporter.sources.github.settings import Trigger


class _Repository(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    database_id: int
    name_with_owner: str
    url: str
    releases: Page = Page(nodes=[])
    refs: Page | None = None

    @property
    def known(self) -> Repository:
        return Repository(full_name=self.name_with_owner, url=self.url)


class _Commit(msgspec.Struct, frozen=True):
    oid: str


class _Release(msgspec.Struct, frozen=True, rename="camel"):
    database_id: int
    tag_name: str
    created_at: str
    is_draft: bool = False
    is_prerelease: bool = False
    published_at: str | None = None
    tag_commit: _Commit | None = None


class _Tagger(msgspec.Struct, frozen=True):
    date: str | None = None


class _Target(msgspec.Struct, frozen=True, rename="camel"):
    """A commit, or an annotated tag of one."""

    oid: str
    committed_date: str | None = None
    tagger: _Tagger | None = None
    target: "_Target | None" = None


class _Tag(msgspec.Struct, frozen=True):
    name: str
    target: _Target


@dataclass(frozen=True)
class _Seen:
    """What a row shows, None where it counts not, and the time by which GitHub orders it."""

    event: Happened | None
    ordered_ms: int


@dataclass(frozen=True, kw_only=True)
class ReleasesAndTags:
    """They cannot be queried by time, so every pass reads the newest of each repository."""

    api: GitHubApi
    mapping: DeploymentMapping
    sink: Sink
    reach: Reach

    async def read(self, cursors: Mapping[str, int | None]) -> None:
        """Writes those of some repositories, each with the moment up to which it was read."""
        wanted = {"releases": self._has("release"), "tags": self._has("tag")}
        if not any(wanted.values()):
            return
        async for each in self._pages(list(cursors), FIRST_PAGE, None, wanted):
            cursor_ms = cursors.get(each.id)
            for kind in ("releases", "tags"):
                page = await self._ingest(each, kind, cursor_ms)
                while page is not None and page.next is not None:
                    page = await self._further(each.id, kind, page.next, cursor_ms)

    def _has(self, trigger: Trigger) -> bool:
        return self.mapping.scope.has_trigger(trigger)

    async def _pages(
        self, ids: list[str], count: int, after: str | None, wanted: Mapping[str, bool]
    ) -> AsyncIterator[_Repository]:
        data = await self.api.ask(RELEASES_AND_TAGS, {"ids": ids, "count": count, "after": after, **wanted})
        for node in nodes_of(data):
            yield shaped(node, _Repository)

    async def _further(self, repository_id: str, kind: str, after: str, cursor_ms: int | None) -> Page | None:
        wanted = {"releases": kind == "releases", "tags": kind == "tags"}
        async for each in self._pages([repository_id], PAGE, after, wanted):
            return await self._ingest(each, kind, cursor_ms)
        return None

    async def _ingest(self, repository: _Repository, kind: str, cursor_ms: int | None) -> Page | None:
        """Writes a page; gives it when older ones are wanted."""
        page = repository.releases if kind == "releases" else repository.refs
        if page is None:
            return None
        seen = list(self._seen(repository, kind, page, cursor_ms))
        found = [each.event for each in seen if each.event is not None]
        events = [self.mapping.event(each, self.sink) for each in found if each.finished_ms >= self.reach.first_ms]
        self.sink.skip(sum(each is Ignored.FILTERED for each in events))
        await self.sink.write([each for each in events if isinstance(each, Deployment)])
        oldest_ms = min((each.ordered_ms for each in seen), default=self.reach.now_ms)
        return page if oldest_ms >= self.reach.since_ms(cursor_ms) else None

    def _seen(self, repository: _Repository, kind: str, page: Page, cursor_ms: int | None) -> Iterable[_Seen]:
        for row in self.api.rows(page, _Release) if kind == "releases" else self.api.rows(page, _Tag):
            try:
                yield (
                    self._release(repository, row)
                    if isinstance(row, _Release)
                    else self._tag(repository, row, cursor_ms)
                )
            except NotUnderstood as reason:
                self.sink.quarantine(repository.name_with_owner, str(reason))

    def _release(self, repository: _Repository, row: _Release) -> _Seen:
        now_ms = self.reach.now_ms
        created_ms = happened.moment(row.created_at, now_ms)
        if row.is_draft or row.is_prerelease:
            return _Seen(None, created_ms)
        event = happened.release(
            row.database_id,
            repository.known,
            tag=row.tag_name,
            sha=row.tag_commit.oid if row.tag_commit else None,
            published_ms=happened.moment(row.published_at, now_ms),
        )
        return _Seen(event, created_ms)

    def _tag(self, repository: _Repository, row: _Tag, cursor_ms: int | None) -> _Seen:
        """An annotated tag says when it was made; another one was made after its commit, and after the last pass."""
        now_ms, target = self.reach.now_ms, row.target
        commit = target.target or target
        if commit.committed_date is None:
            return _Seen(None, now_ms)  # a tag of something that is no commit
        committed_ms = happened.moment(commit.committed_date, now_ms)
        at_ms = max(committed_ms, cursor_ms or 0)
        if target.tagger is not None and target.tagger.date is not None:
            at_ms = happened.moment(target.tagger.date, now_ms)
        if not self.mapping.scope.has_ref(row.name):
            return _Seen(None, committed_ms)
        event = happened.tag(
            repository.database_id, repository.known, name=row.name, sha=commit.oid, at_ms=at_ms, is_guess=True
        )
        return _Seen(event, committed_ms)
