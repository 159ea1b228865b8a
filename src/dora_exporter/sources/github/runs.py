"""Reads the workflow runs that webhooks missed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import msgspec

from dora_exporter.dora.events import Deployment
from dora_exporter.runtime.http_response import Answer
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Ignored, Sink, Unreadable
from dora_exporter.sources.forges.absent import Absent
from dora_exporter.sources.github import happened
from dora_exporter.sources.github.graphql import PAGE, GitHubApi
from dora_exporter.sources.github.happened import NotUnderstood, Repository, Run
from dora_exporter.sources.github.mapping import DeploymentMapping
from dora_exporter.sources.github.reach import LONGEST_OPEN_MS, Reach

_SHORT_PAGE = 20
_MOST_PAGES = 500


class _Place(msgspec.Struct, frozen=True):
    full_name: str
    html_url: str


class _Row(Run, frozen=True, kw_only=True):
    status: str = ""
    repository: _Place


class _List(msgspec.Struct, frozen=True):
    workflow_runs: list[msgspec.Raw]


@dataclass(frozen=True)
class KnownLists:
    """The ETags of the first pages of lists that were read to the end, and the lists that are absent."""

    etags: dict[str, str] = field(default_factory=dict)
    absent: Absent = field(default_factory=Absent)


@dataclass(frozen=True, kw_only=True)
class Runs:
    """A list that still has its ETag is not read; one that was absent is read from where the past begins."""

    api: GitHubApi
    mapping: DeploymentMapping
    sink: Sink
    reach: Reach
    known: KnownLists

    async def read(
        self, names: Mapping[str, str], cursors: Mapping[str, int | None], open_runs: dict[str, int]
    ) -> None:
        """Writes those of some repositories. ``open_runs`` has the creation of the oldest run of each that goes on."""
        if not self.mapping.scope.has_trigger("workflow_run"):
            return
        for repository, name in names.items():
            went_on_ms = open_runs.pop(repository, None)
            opened = [await self._read(path, cursors[repository], went_on_ms) for path in self._lists(name)]
            oldest_ms = min((each for each in opened if each is not None), default=None)
            if oldest_ms is not None and oldest_ms > self.reach.now_ms - LONGEST_OPEN_MS:
                open_runs[repository] = oldest_ms

    def _lists(self, repository: str) -> Sequence[str]:
        """The lists that have the wanted runs: one for each workflow that is named, else the one of all."""
        start, files = f"/repos/{repository}/actions", self.mapping.scope.workflow_files
        if files is None:
            return [f"{start}/runs"]
        return [f"{start}/workflows/{quote(each, safe='')}/runs" for each in files]

    async def _read(self, path: str, cursor_ms: int | None, went_on_ms: int | None) -> int | None:
        """Reads a list, newest first; gives the creation of the oldest run in it that goes on."""
        if self.known.absent.spares(path, self.reach.now_ms):
            return None
        if path in self.known.absent:
            cursor_ms = None
        since_ms = min(self.reach.since_ms(cursor_ms), went_on_ms or self.reach.now_ms)
        size = PAGE if cursor_ms is None else _SHORT_PAGE
        key = f"{path} {size}"
        etag, oldest_ms = None, None
        for number in range(1, _MOST_PAGES + 1):
            unless = self.known.etags.get(key) if number == 1 and went_on_ms is None else None
            query = [("per_page", str(size)), ("page", str(number))]
            answer = await self.api.listing(path, query, unless=unless)
            if answer is None:
                self.known.absent.note(path, self.reach.now_ms)
                return None
            if answer.is_unchanged:
                return None
            etag = answer.headers.get("ETag") if number == 1 else etag
            rows = self._rows(answer)
            opened_ms, oldest_row_ms = await self._ingest(rows)
            oldest_ms = min((each for each in (opened_ms, oldest_ms) if each is not None), default=None)
            if len(rows) < size or oldest_row_ms < since_ms:
                break
        if etag:
            self.known.etags[key] = etag
        self.known.absent.forget(path)
        return oldest_ms

    def _rows(self, answer: Answer) -> list[msgspec.Raw]:
        try:
            return msgspec.json.decode(answer.body, type=_List).workflow_runs
        except FLAWS as reason:
            raise Unreadable(f"the list of runs cannot be read: {reason}") from None

    async def _ingest(self, rows: Sequence[msgspec.Raw]) -> tuple[int | None, int]:
        """Writes a page; gives the creation of its oldest run that goes on, and of its oldest run."""
        found: list[Deployment] = []
        now_ms = self.reach.now_ms
        opened_ms, oldest_ms = None, now_ms
        for raw in rows:
            try:
                row = msgspec.json.decode(raw, type=_Row)
                created_ms = happened.moment(row.created_at, now_ms)
                oldest_ms = min(oldest_ms, created_ms)
                event = self._event(row)
            except (*FLAWS, NotUnderstood) as reason:
                self.sink.quarantine(None, str(reason))
                continue
            if event is Ignored.NO_EVENT and row.status != "completed":
                opened_ms = created_ms  # rows come newest first
            elif isinstance(event, Deployment) and event.finished_at >= self.reach.first_ms:
                found.append(event)
            elif event is Ignored.FILTERED:
                self.sink.skip()
        await self.sink.write(found)
        return opened_ms, oldest_ms

    def _event(self, row: _Row) -> Deployment | Ignored:
        repository = Repository(full_name=row.repository.full_name, url=row.repository.html_url)
        seen = happened.run(row, repository, self.mapping.scope, now_ms=self.reach.now_ms)
        return seen if isinstance(seen, Ignored) else self.mapping.event(seen, self.sink)
