"""One pass over a GitLab: what was deployed, and which incidents changed, since the last one."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from dora_exporter.dora.events import Deployment
from dora_exporter.sources.contract import Ignored, Memory, Sink
from dora_exporter.sources.forges.backfill import Backfill
from dora_exporter.sources.gitlab.api import GitLabApi, ProjectRow, Unchanged
from dora_exporter.sources.gitlab.deployments import DeploymentMapping
from dora_exporter.sources.gitlab.incident_pass import IncidentPass
from dora_exporter.sources.gitlab.incidents import IncidentMapping
from dora_exporter.sources.gitlab.project_list import ProjectList
from dora_exporter.sources.gitlab.reports import NotUnderstood
from dora_exporter.sources.gitlab.rotation import Rotation
from dora_exporter.sources.gitlab.rows import DeploymentRow, decoded, reported_deployment
from dora_exporter.sources.gitlab.scope import Scope
from dora_exporter.sources.gitlab.settings import GitLabSettings

CURSOR = "cursor"
_MOST_TIERS = 10_000
_AT_ONCE = 25


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What the passes of a source share, and partly its webhooks. ``tiers`` are those of environments, by their ids."""

    settings: GitLabSettings
    deployments: DeploymentMapping
    incidents: IncidentMapping
    scope: Scope
    projects: ProjectList
    backfill: Backfill
    unchanged: Unchanged = field(default_factory=Unchanged)
    review: Rotation = field(default_factory=Rotation)
    tiers: dict[int, str | None] = field(default_factory=dict)


class Pass:
    """One pass; make a new one for each."""

    def __init__(self, api: GitLabApi, shared: Shared, sink: Sink, *, backfill_ms: int, now_ms: int) -> None:
        """``now_ms`` is when it begins."""
        self._api = api
        self._shared = shared
        self._sink = sink
        self._first_ms = now_ms - backfill_ms
        self._now_ms = now_ms

    async def run(self, memory: Memory) -> Memory:
        """Reads what happened since the last pass, of what was never read the past; gives what to remember."""
        backfill, overlap_ms = self._shared.backfill, self._shared.settings.overlap.ms
        began_ms = backfill.begin(memory, self._sink, now_ms=self._now_ms)
        since_ms = min(memory.get(CURSOR, began_ms), self._now_ms) - overlap_ms
        projects = {str(each.id): each for each in await self._shared.projects.wanted(self._api)}
        known = set(memory.get("projects", ()))
        for batch in backfill.batches(projects, _AT_ONCE):
            for each in batch:
                has_been_read = each in known and self._api.had_deployments(projects[each].id)
                await self._read_deployments(projects[each], since_ms if has_been_read else self._first_ms)
            await backfill.advance(batch, self._sink)
        new = [each for key, each in projects.items() if key not in known]
        incidents = self._incidents()
        await incidents.read(projects.values(), new if known else (), since_ms if known else self._first_ms)
        await incidents.review(self._shared.review, projects)
        await self._sink.flush()
        await backfill.end(self._sink)
        return {CURSOR: began_ms, "projects": list(projects)}

    def _incidents(self) -> IncidentPass:
        shared = self._shared
        groups = [each for each in shared.settings.groups if each not in shared.projects.missing]
        return IncidentPass(
            self._api, shared.incidents, self._sink, groups=groups, first_ms=self._first_ms, now_ms=self._now_ms
        )

    async def _read_deployments(self, project: ProjectRow, since_ms: int) -> None:
        async for page in self._api.deployments(project.id, since_ms, is_past=since_ms == self._first_ms):
            await self._ingest_deployments(page, project)

    async def _ingest_deployments(self, page: Iterable[msgspec.Raw], project: ProjectRow) -> None:
        """Writes a page. Nothing is awaited between looking at what is held and the write."""
        rows = [row for each in page if (row := decoded(each, DeploymentRow, self._sink)) is not None]
        tiers = {row.environment.id: await self._tier(row, project) for row in rows}
        found: list[Deployment] = []
        for row in rows:
            try:
                seen = reported_deployment(row, project.known, tiers[row.environment.id], now_ms=self._now_ms)
                event = self._shared.deployments.event(seen, self._sink)
            except NotUnderstood as reason:
                self._sink.quarantine(row.id, str(reason))
                continue
            if isinstance(event, Deployment):
                found += [event] if event.finished_at >= self._first_ms else []
            elif event is Ignored.FILTERED:
                self._sink.skip()
        await self._sink.write(found)

    async def _tier(self, row: DeploymentRow, project: ProjectRow) -> str | None:
        """The tier of an environment that is wanted by its name; each is asked for once."""
        tiers, environment = self._shared.tiers, row.environment
        if not self._shared.scope.has_name(environment.name):
            return None
        if environment.id not in tiers:
            if len(tiers) >= _MOST_TIERS:
                tiers.clear()
            tiers[environment.id] = await self._api.tier(project.id, environment.id)
        return tiers[environment.id]
