"""Reads the incidents that changed since the last pass, and notices those that were deleted."""

from collections.abc import AsyncIterator, Container, Iterable
from http import HTTPStatus
from urllib.parse import quote

import msgspec

from dora_exporter.dora.events import Incident
from dora_exporter.sources.contract import Ignored, Sink
from dora_exporter.sources.gitlab.api import GitLabApi, NotFound, ProjectRow
from dora_exporter.sources.gitlab.incidents import IncidentMapping, place_of
from dora_exporter.sources.gitlab.reports import NotUnderstood
from dora_exporter.sources.gitlab.rotation import Rotation
from dora_exporter.sources.gitlab.rows import IncidentRow, decoded, reported_incident
from dora_exporter.sources.http.client import Refused

_MOST_REVIEWED = 20


class IncidentPass:
    """The part of a pass that is about incidents."""

    def __init__(
        self, api: GitLabApi, mapping: IncidentMapping, sink: Sink, *, groups: Iterable[str], first_ms: int, now_ms: int
    ) -> None:
        """``groups`` are those that are polled, ``first_ms`` is where the past begins."""
        self._api = api
        self._mapping = mapping
        self._sink = sink
        self._groups = [f"groups/{quote(each.strip('/'), safe='')}" for each in groups]
        self._first_ms = first_ms
        self._now_ms = now_ms

    async def read(self, projects: Iterable[ProjectRow], new: Iterable[ProjectRow], since_ms: int) -> None:
        """Reads what changed since a moment, and of projects that are ``new`` among others the past."""
        since = dict.fromkeys(self._groups or [f"projects/{each.id}" for each in projects], since_ms)
        since |= {f"projects/{each.id}": self._first_ms for each in new}
        for owner, moment_ms in since.items():
            is_past = moment_ms == self._first_ms
            await self._ingest(self._api.incidents(owner, moment_ms, is_past=is_past))
            if is_past:
                await self._ingest(self._api.open_incidents(owner))

    async def review(self, rotation: Rotation, projects: Container[str]) -> None:
        """Requests some incidents one by one: neither lists nor webhooks report a deletion."""
        held = [each async for each in self._sink.incidents() if each.services or each.team]
        recent = [each.id for each in held if each.finished_at is None or each.finished_at > self._first_ms]
        for event_id in rotation.next(recent, _MOST_REVIEWED):
            incident = self._sink.incident(event_id)
            place = place_of(incident) if incident is not None else None
            if incident is None or place is None or place.partition("/")[0] not in projects:
                continue
            try:
                row = decoded(await self._api.issue(place), IncidentRow, self._sink)
            except NotFound:
                await self._sink.write([self._mapping.removed(self._sink.incident(event_id) or incident)])
                continue
            except Refused as reason:
                if reason.status != HTTPStatus.FORBIDDEN:
                    raise
                continue
            if row is not None:
                await self._sink.write(self._events(row))

    async def _ingest(self, pages: AsyncIterator[list[msgspec.Raw]]) -> None:
        async for page in pages:
            found: list[Incident] = []
            for each in page:
                row = decoded(each, IncidentRow, self._sink)
                if row is not None:
                    found += self._events(row)
            await self._sink.write(found)

    def _events(self, row: IncidentRow) -> list[Incident]:
        try:
            event = self._mapping.event(reported_incident(row, now_ms=self._now_ms), self._sink)
        except NotUnderstood as reason:
            self._sink.quarantine(row.id, str(reason))
            return []
        if event is Ignored.FILTERED:
            self._sink.skip()
        return [event] if isinstance(event, Incident) else []
