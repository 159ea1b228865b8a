"""One pass over the repositories: what is new in each, and what became of deployments that went on."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from dora_exporter.dora.events import DAY_MS, Deployment
from dora_exporter.runtime.cooperative import Turn
from dora_exporter.sources.contract import Ignored, Item, Memory, Sink
from dora_exporter.sources.github.graphql import AT_ONCE, PAGE, GitHubApi
from dora_exporter.sources.github.mapping import DeploymentMapping, NotUnderstood
from dora_exporter.sources.github.rows import DeploymentRow, ListedRow, StatusRow

logger = logging.getLogger(__name__)

_LONGEST_OPEN_MS = 35 * DAY_MS
"""GitHub itself gives up after 30 days on a job that waits for approval."""
_MOST_OPEN = 2000
_SETTLED = {"SUCCESS", "FAILURE", "ERROR", "INACTIVE"}


@dataclass
class Progress:
    """How far a pass has come. It outlives a pass that failed, so that the next one goes on there.

    ``since_ms`` is when the first of these passes began. ``open`` has the creation of the deployments that go on, by
    GraphQL's ids.
    """

    since_ms: int | None = None
    read: set[str] = field(default_factory=set)
    repositories: int = 0
    open: dict[str, int] = field(default_factory=dict)
    is_backfill: bool = False

    @property
    def in_words(self) -> str | None:
        """What the page of sources shows; None when no past is being read."""
        if not (self.is_backfill and self.repositories):
            return None
        return f"reads the past: {len(self.read)} of {self.repositories} repositories"


@dataclass(frozen=True, kw_only=True)
class Reach:
    """``first_ms`` is where a repository begins that was never read, ``overlap_ms`` how far others go back."""

    first_ms: int
    overlap_ms: int
    now_ms: int


@dataclass(frozen=True, kw_only=True)
class Pass:
    """``reach`` says how far back it reads."""

    name: str
    api: GitHubApi
    mapping: DeploymentMapping
    sink: Sink
    reach: Reach
    progress: Progress

    async def run(self, memory: Memory) -> Memory:
        """Reads everything; what it returns is remembered."""
        progress = self.progress
        if progress.since_ms is None or progress.since_ms > self.reach.now_ms:
            progress.since_ms, progress.open = self.reach.now_ms, dict(memory.get("open", {}))
        progress.is_backfill = not memory
        known = set(memory.get("repositories", ()))
        cursor_ms = min(memory.get("cursor", self.reach.now_ms), self.reach.now_ms)
        wanted = await self._wanted()
        progress.repositories = len(wanted)
        for batch in _batches([each for each in wanted if each not in progress.read], AT_ONCE):
            since = {
                each: cursor_ms - self.reach.overlap_ms if each in known else self.reach.first_ms for each in batch
            }
            await self._read(batch, since)
            progress.read.update(batch)
            if progress.is_backfill:
                logger.info("reading the past source=%s read=%d of=%d", self.name, len(progress.read), len(wanted))
        await self._look_again()
        await self.sink.flush()
        remembered = {"cursor": progress.since_ms, "repositories": wanted, "open": progress.open}
        progress.since_ms, progress.read, progress.is_backfill = None, set(), False
        return remembered

    async def _wanted(self) -> list[str]:
        """The ids of the repositories that the settings let through."""
        found: dict[str, None] = {}
        for owner in self.mapping.scope.owners():
            async for page in self.api.repositories(owner):
                found |= {each.id: None for each in page if self.mapping.scope.has_repository(each.name_with_owner)}
        return list(found)

    async def _read(self, batch: Sequence[str], since: dict[str, int]) -> None:
        """The deployments of some repositories: each one's first page with the others', further pages on their own."""
        async for repository, rows, start in self.api.newest(batch):
            details = _Details(self.api)
            since_ms = since.get(repository, self.reach.first_ms)
            page, after = rows, start
            while await self._take(page, since_ms, details) and after is not None:
                page, after = await self.api.further(repository, after)

    async def _look_again(self) -> None:
        """Asks about the deployments that went on when they were last heard of."""
        young = {key: ms for key, ms in self.progress.open.items() if ms > self.reach.now_ms - _LONGEST_OPEN_MS}
        self.progress.open = dict(islice(sorted(young.items(), key=lambda each: -each[1]), _MOST_OPEN))
        for ids in _batches(list(self.progress.open), PAGE):
            rows = await self.api.deployments(ids)
            for gone in set(ids) - {each.id for each in rows}:
                del self.progress.open[gone]
            for each in rows:
                await self._take([each], 0, _Details(self.api))

    async def _take(self, rows: Iterable[DeploymentRow], since_ms: int, details: "_Details") -> bool:
        """Writes a page; whether older deployments than those in it are wanted."""
        items: list[Item] = []
        oldest_ms = self.reach.now_ms
        turn = Turn()
        for row in rows:
            if turn.is_over:
                await turn.give()
            try:
                oldest_ms = min(oldest_ms, row.created_ms(self.reach.now_ms))
                event = await self._event(row, details) if oldest_ms >= since_ms else Ignored.OUTDATED
            except NotUnderstood as reason:
                self.sink.quarantine(row.database_id, str(reason))
                continue
            if isinstance(event, Deployment):
                items.append(event)
            elif event is Ignored.FILTERED:
                self.sink.skip()
        if items:
            await self.sink.write(items)
        return oldest_ms >= since_ms

    async def _event(self, row: DeploymentRow, details: "_Details") -> Deployment | Ignored:
        statuses = await self.api.statuses(row)
        seen = row.reported(statuses, now_ms=self.reach.now_ms)
        if self.mapping.lacks_details(seen, self.sink):
            more = await details.of(seen.repository.full_name, seen.id)
            seen = replace(seen, ref=seen.ref or more.ref, is_transient=more.transient_environment)
        event = self.mapping.event(seen, self.sink)
        if event is Ignored.FILTERED or _is_settled(statuses):
            self.progress.open.pop(row.id, None)
        else:
            self.progress.open[row.id] = seen.created_ms
        return event


class _Details:
    """What only the REST API says of a repository's deployments; asked page by page, as far as needed."""

    def __init__(self, api: GitHubApi) -> None:
        self._api = api
        self._pages = 0
        self._rows: dict[int, ListedRow] = {}

    async def of(self, repository: str, deployment_id: int) -> ListedRow:
        """The row of a deployment; an empty one where the list has none. Ask for the newest deployments first."""
        while deployment_id not in self._rows:
            self._pages += 1
            page = await self._api.listed(repository, self._pages)
            self._rows = {each.id: each for each in page}
            if not page or min(self._rows) < deployment_id not in self._rows:
                return ListedRow(deployment_id)
        return self._rows[deployment_id]


def _is_settled(statuses: Sequence[StatusRow]) -> bool:
    """Whether a deployment has ended, and does not go on again."""
    latest = max((each.created_at for each in statuses), default="")
    return any(each.created_at == latest and each.state in _SETTLED for each in statuses)


def _batches(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    yield from (ids[start : start + size] for start in range(0, len(ids), size))
