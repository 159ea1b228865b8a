"""One pass over a GitLab: what was deployed, and which incidents changed, since the last one."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

import msgspec

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Ignored, Memory, Sink
from dora_exporter.sources.gitlab.api import GitLabApi, ProjectRow
from dora_exporter.sources.gitlab.deployments import DeploymentMapping
from dora_exporter.sources.gitlab.incidents import IncidentMapping
from dora_exporter.sources.gitlab.reports import NotUnderstood
from dora_exporter.sources.gitlab.rows import (
    DeploymentRow,
    IncidentRow,
    RowId,
    reported_deployment,
    reported_incident,
)
from dora_exporter.sources.gitlab.scope import Scope
from dora_exporter.sources.gitlab.settings import GitLabSettings
from dora_exporter.sources.http.client import Query
from dora_exporter.sources.http.timestamps import written

logger = logging.getLogger(__name__)

_Row = TypeVar("_Row")
_Event = TypeVar("_Event", Deployment, Incident)
CURSOR = "cursor"
_MOST_TIERS = 10_000
_TOLD_EVERY = 50


@dataclass(frozen=True, kw_only=True)
class Mappings:
    """What passes and webhooks share. ``tiers`` are those of environments, by their ids."""

    deployments: DeploymentMapping
    incidents: IncidentMapping
    scope: Scope
    tiers: dict[int, str | None] = field(default_factory=dict)


class Pass:
    """One pass; make a new one for each."""

    def __init__(
        self, api: GitLabApi, mappings: Mappings, sink: Sink, settings: GitLabSettings, *, backfill_ms: int, now_ms: int
    ) -> None:
        """``now_ms`` is when it begins."""
        self._api = api
        self._mappings = mappings
        self._sink = sink
        self._settings = settings
        self._backfill_ms = backfill_ms
        self._now_ms = now_ms

    async def run(self, memory: Memory) -> Memory:
        """Reads what happened since the last pass, the first time the past; gives what to remember."""
        cursor = memory.get(CURSOR)
        is_first = not isinstance(cursor, int)
        since_ms = (
            min(cursor, self._now_ms) - self._settings.overlap.ms
            if isinstance(cursor, int)
            else self._now_ms - self._backfill_ms
        )
        projects = await self._projects()
        for number, project in enumerate(projects, 1):
            await self._read_deployments(project, written(since_ms))
            if is_first and (number % _TOLD_EVERY == 0 or number == len(projects)):
                logger.info("back-fill of deployments projects_read=%d projects=%d", number, len(projects))
        for owner in self._owners(projects):
            await self._read_incidents(owner, [("updated_after", written(since_ms))])
            if is_first:
                await self._read_incidents(owner, [("state", "opened")])
        await self._sink.flush()
        return {CURSOR: self._now_ms}

    async def _projects(self) -> Sequence[ProjectRow]:
        """The projects that the settings let through: those of the groups, or those that are named."""
        found: dict[int, ProjectRow] = {}
        for group in self._settings.groups:
            async for page in self._api.projects_of(group.strip("/")):
                found.update({row.id: row for row in page})
        if not self._settings.groups:
            named = [await self._api.project(path) for path in self._settings.projects]
            return [row for row in named if self._mappings.scope.has_project(row.path_with_namespace)]
        return [row for row in found.values() if self._mappings.scope.has_project(row.path_with_namespace)]

    def _owners(self, projects: Iterable[ProjectRow]) -> Iterable[str]:
        """Whose incidents are listed: a group answers for all its projects at once."""
        groups = self._settings.groups
        if groups:
            return [f"groups/{quote(each.strip('/'), safe='')}" for each in groups]
        return [f"projects/{row.id}" for row in projects]

    async def _read_deployments(self, project: ProjectRow, since: str) -> None:
        """Reads by the time of the end what succeeded; GitLab has that time for nothing else."""
        queries: Sequence[Query] = (
            [("status", "success"), ("finished_after", since), ("order_by", "finished_at"), ("sort", "asc")],
            *(
                [("status", status), ("updated_after", since), ("order_by", "updated_at"), ("sort", "asc")]
                for status in ("failed", "canceled")
            ),
        )
        for query in queries:
            async for page in self._api.deployments(project.id, query):
                await self._take_deployments(page, project)

    async def _take_deployments(self, page: Iterable[msgspec.Raw], project: ProjectRow) -> None:
        """Writes a page. Nothing is awaited between looking at what is held and the write."""
        rows = [row for each in page if (row := self._decoded(each, DeploymentRow)) is not None]
        tiers = {row.environment.id: await self._tier(row, project) for row in rows}
        found: list[Deployment] = []
        for row in rows:
            try:
                seen = reported_deployment(row, project.known, tiers[row.environment.id], now_ms=self._now_ms)
                event = self._mappings.deployments.event(seen, self._sink)
            except NotUnderstood as reason:
                self._sink.quarantine(row.id, str(reason))
                continue
            found += self._wanted(event)
        await self._sink.write(found)

    async def _tier(self, row: DeploymentRow, project: ProjectRow) -> str | None:
        """The tier of an environment that is wanted by its name; each is asked for once."""
        tiers, environment = self._mappings.tiers, row.environment
        if not self._mappings.scope.has_name(environment.name):
            return None
        if environment.id not in tiers:
            if len(tiers) >= _MOST_TIERS:
                tiers.clear()
            tiers[environment.id] = await self._api.tier(project.id, environment.id)
        return tiers[environment.id]

    async def _read_incidents(self, owner: str, query: Query) -> None:
        async for page in self._api.incidents(owner, query):
            found: list[Incident] = []
            for each in page:
                row = self._decoded(each, IncidentRow)
                if row is not None:
                    found += self._incident(row)
            await self._sink.write(found)

    def _incident(self, row: IncidentRow) -> Iterable[Incident]:
        try:
            event = self._mappings.incidents.event(reported_incident(row, now_ms=self._now_ms), self._sink)
        except NotUnderstood as reason:
            self._sink.quarantine(row.id, str(reason))
            return ()
        return self._wanted(event)

    def _wanted(self, event: _Event | Ignored) -> Iterable[_Event]:
        if isinstance(event, Ignored):
            if event is Ignored.FILTERED:
                self._sink.skip()
            return ()
        return (event,)

    def _decoded(self, raw: msgspec.Raw, row: type[_Row]) -> _Row | None:
        try:
            return msgspec.json.decode(raw, type=row)
        except FLAWS as reason:
            self._sink.quarantine(_id_of(raw), str(reason))
            return None


def _id_of(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw, type=RowId).id
    except FLAWS:
        return None
