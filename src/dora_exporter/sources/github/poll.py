"""One pass over the repositories: what is new in each, and the deployments that had not finished."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.sorted_in_steps import batches
from dora_exporter.runtime.cooperative import Turn
from dora_exporter.sources.contract import Ignored, Item, Memory, Sink
from dora_exporter.sources.forges.backfill import Backfill
from dora_exporter.sources.github.graphql import AT_ONCE, PAGE, GitHubApi
from dora_exporter.sources.github.happened import NotUnderstood
from dora_exporter.sources.github.mapping import DeploymentMapping
from dora_exporter.sources.github.reach import LONGEST_OPEN_MS, Reach
from dora_exporter.sources.github.releases_and_tags import ReleasesAndTags
from dora_exporter.sources.github.rows import DeploymentRow, ListedRow, StatusRow
from dora_exporter.sources.github.runs import KnownLists, Runs

_MOST_OPEN = 2000
_SETTLED = {"SUCCESS", "FAILURE", "ERROR", "INACTIVE"}


@dataclass(frozen=True, kw_only=True)
class Pass:
    """``reach`` says how far back it reads, ``known`` which lists need not be read."""

    api: GitHubApi
    mapping: DeploymentMapping
    sink: Sink
    reach: Reach
    backfill: Backfill
    known: KnownLists

    async def run(self, memory: Memory) -> Memory:
        """Reads everything; what it returns is remembered."""
        reach, scope = self.reach, self.mapping.scope
        began_ms = self.backfill.begin(memory, self.sink, now_ms=reach.now_ms)
        known = set(memory.get("repositories", ()))
        cursor_ms = min(memory.get("cursor", reach.now_ms), reach.now_ms)
        happened = ReleasesAndTags(api=self.api, mapping=self.mapping, sink=self.sink, reach=reach)
        runs = Runs(api=self.api, mapping=self.mapping, sink=self.sink, reach=reach, known=self.known)
        open_runs: dict[str, int] = self.backfill.found.setdefault("runs", {})
        wanted = await self._wanted()
        for batch in self.backfill.batches(wanted, AT_ONCE):
            cursors = {each: cursor_ms if each in known else None for each in batch}
            if scope.has_trigger("deployment"):
                await self._read({each: reach.since_ms(cursor) for each, cursor in cursors.items()})
            await happened.read(cursors)
            await runs.read({each: wanted[each] for each in batch}, cursors, open_runs)
            await self.backfill.advance(batch, self.sink)
        await self._recheck_open()
        await self.sink.flush()
        remembered = {"cursor": began_ms, "repositories": list(wanted), "open": self._open, "runs": open_runs}
        await self.backfill.end(self.sink)
        return remembered

    @property
    def _open(self) -> dict[str, int]:
        """The creation of the deployments that go on, by GraphQL's ids."""
        found: dict[str, int] = self.backfill.found.setdefault("open", {})
        return found

    async def _wanted(self) -> dict[str, str]:
        """The names of the repositories that the settings let through, by their ids."""
        found: dict[str, str] = {}
        for owner in self.mapping.scope.owners():
            async for page in self.api.repositories(owner):
                wanted = [each for each in page if self.mapping.scope.has_repository(each.name_with_owner)]
                found |= {each.id: each.name_with_owner for each in wanted}
        return found

    async def _read(self, since: dict[str, int]) -> None:
        """The deployments of some repositories: each one's first page with the others', further pages on their own."""
        async for repository, rows, start in self.api.newest(list(since)):
            details = _Details(self.api)
            since_ms = since.get(repository, self.reach.first_ms)
            page, after = rows, start
            while await self._ingest(page, since_ms, details) and after is not None:
                page, after = await self.api.further(repository, after)

    async def _recheck_open(self) -> None:
        """Asks about the deployments that went on when they were last heard of."""
        young = {key: ms for key, ms in self._open.items() if ms > self.reach.now_ms - LONGEST_OPEN_MS}
        self.backfill.found["open"] = dict(islice(sorted(young.items(), key=lambda each: -each[1]), _MOST_OPEN))
        for ids in batches(list(self._open), PAGE):
            rows = await self.api.deployments(ids)
            for gone in set(ids) - {each.id for each in rows}:
                del self._open[gone]
            for each in rows:
                await self._ingest([each], 0, _Details(self.api))

    async def _ingest(self, rows: Iterable[DeploymentRow], since_ms: int, details: "_Details") -> bool:
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
                self.sink.quarantine(row.id, str(reason))
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
            self._open.pop(row.id, None)
        else:
            self._open[row.id] = seen.created_ms
        return event


class _Details:
    """What only the REST API has of a repository's deployments; read page by page, as far as needed."""

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
