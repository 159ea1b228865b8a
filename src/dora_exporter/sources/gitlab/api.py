"""The part of GitLab's REST API that is asked: projects, deployments, environments, incidents."""

from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

import msgspec

from dora_exporter.runtime.http_response import Answer
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Sink, Unreadable
from dora_exporter.sources.forges.absent import Absent
from dora_exporter.sources.gitlab.reports import Project
from dora_exporter.sources.http.client import Query, Refused, Upstream
from dora_exporter.sources.http.timestamps import authored

_Row = TypeVar("_Row")
_INCIDENTS = (("issue_type", "incident"), ("scope", "all"))
_PAGE = 100
_SHORT_PAGE = 20
_MOST_PAGES = 500
_HIDDEN = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
"""What is answered for a part of a project that is switched off, and for what is deleted."""
_GONE = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.NOT_FOUND)
"""What is answered for a path that a project or group has no more, and for what the token may not see."""


class NotFound(Exception):
    """There is no project, group or issue of this name, no more, or for this token."""


class ProjectRow(msgspec.Struct, frozen=True):
    """A project."""

    id: int
    path_with_namespace: str
    web_url: str

    @property
    def known(self) -> Project:
        """Where it is."""
        return Project(path=self.path_with_namespace, url=self.web_url)


class _Environment(msgspec.Struct, frozen=True):
    tier: str | None = None


class _Changed(msgspec.Struct, frozen=True):
    updated_at: str


@dataclass(frozen=True)
class Unchanged:
    """The ETags of lists that were read to the end, and of projects with their rows; and the lists that are absent."""

    etags: dict[str, str] = field(default_factory=dict)
    projects: dict[str, tuple[str, ProjectRow]] = field(default_factory=dict)
    absent: Absent = field(default_factory=Absent)

    def clear(self) -> None:
        """Everything is read again, because a pass failed."""
        self.etags.clear()
        self.projects.clear()


class GitLabApi:
    """One GitLab, asked with one token. Methods raise what ``Upstream`` raises, and ``Unreadable``."""

    def __init__(self, upstream: Upstream, sink: Sink, unchanged: Unchanged, *, now_ms: int) -> None:
        """Lists that are too long are reported to ``sink``."""
        self._now_ms = now_ms
        self._upstream = upstream
        self._sink = sink
        self._unchanged = unchanged

    async def project(self, path: str) -> ProjectRow:
        """A project by its path; raises ``NotFound``."""
        etag, held = self._unchanged.projects.get(path, (None, None))
        answer = await self._existing(f"/projects/{quote(path, safe='')}", unless=etag)
        if held is not None and answer.is_unchanged:
            return held
        row = _decoded(answer.body, ProjectRow)
        if "ETag" in answer.headers:
            self._unchanged.projects[path] = answer.headers["ETag"], row
        return row

    async def projects_of(self, group: str) -> AsyncIterator[list[ProjectRow]]:
        """The projects of a group and its subgroups, by pages; raises ``NotFound``."""
        query = [("include_subgroups", "true"), ("archived", "false"), ("order_by", "id"), ("sort", "asc")]
        try:
            async for page in self._pages(f"/groups/{quote(group, safe='')}/projects", query):
                yield [_decoded(row, ProjectRow) for row in page]
        except Refused as reason:
            raise _as_not_found(reason) from None

    async def deployments(self, project_id: int, since_ms: int, *, is_past: bool) -> AsyncIterator[list[msgspec.Raw]]:
        """Deployments that changed, by pages; none where the project has no such feature."""
        async for page in self._changed(_deployments_of(project_id), (), since_ms, is_past=is_past):
            yield page

    def had_deployments(self, project_id: int) -> bool:
        """Whether the project had such a feature when it was last asked."""
        return _deployments_of(project_id) not in self._unchanged.absent

    async def incidents(self, owner: str, since_ms: int, *, is_past: bool) -> AsyncIterator[list[msgspec.Raw]]:
        """Incidents of a project or group (``projects/7``, ``groups/acme``) that changed, by pages."""
        async for page in self._changed(f"/{owner}/issues", _INCIDENTS, since_ms, is_past=is_past):
            yield page

    async def open_incidents(self, owner: str) -> AsyncIterator[list[msgspec.Raw]]:
        """Incidents that are open, by pages, in an order that stays."""
        query = [*_INCIDENTS, ("state", "opened"), ("order_by", "created_at"), ("sort", "asc")]
        async for page in self._visible(f"/{owner}/issues", query):
            yield page

    async def issue(self, place: str) -> msgspec.Raw:
        """An issue by the ids of its project and of it in there, as ``7/3``; raises ``NotFound``."""
        project, _, number = place.partition("/")
        return msgspec.Raw((await self._existing(f"/projects/{project}/issues/{number}")).body)

    async def tier(self, project_id: int, environment_id: int) -> str | None:
        """The tier of an environment; None for one that is deleted."""
        try:
            answer = await self._upstream.get(f"/projects/{project_id}/environments/{environment_id}")
        except Refused as reason:
            if reason.status not in _HIDDEN:
                raise
            return None
        return _decoded(answer.body, _Environment).tier

    async def _existing(self, path: str, *, unless: str | None = None) -> Answer:
        try:
            return await self._upstream.get(path, unless=unless)
        except Refused as reason:
            raise _as_not_found(reason) from None

    async def _changed(
        self, path: str, query: Query, since_ms: int, *, is_past: bool
    ) -> AsyncIterator[list[msgspec.Raw]]:
        """What changed since a moment, the latest first. The address stays, so that an ETag spares the whole list."""
        size = _PAGE if is_past else _SHORT_PAGE
        query = [*query, ("order_by", "updated_at"), ("sort", "desc")]
        key = f"{path} {size}"
        etag, absent = None, self._unchanged.absent
        if absent.spares(path, self._now_ms):
            return
        try:
            async for answer, rows in self._answers(path, query, size, unless=self._unchanged.etags.get(key)):
                etag = etag or answer.headers.get("ETag")
                yield rows
                if _oldest(rows, since_ms) < since_ms:
                    break
        except Refused as reason:
            if reason.status not in _HIDDEN:
                raise
            absent.note(path, self._now_ms)
            return
        absent.forget(path)
        if etag:
            self._unchanged.etags[key] = etag

    async def _visible(self, path: str, query: Query) -> AsyncIterator[list[msgspec.Raw]]:
        try:
            async for page in self._pages(path, query):
                yield page
        except Refused as reason:
            if reason.status not in _HIDDEN:
                raise

    async def _pages(self, path: str, query: Query) -> AsyncIterator[list[msgspec.Raw]]:
        async for _, rows in self._answers(path, query, _PAGE):
            yield rows

    async def _answers(
        self, path: str, query: Query, size: int, *, unless: str | None = None
    ) -> AsyncIterator[tuple[Answer, list[msgspec.Raw]]]:
        for number in range(1, _MOST_PAGES + 1):
            paged = [*query, ("per_page", str(size)), ("page", str(number))]
            answer = await self._upstream.get(path, paged, unless=unless if number == 1 else None)
            if answer.is_unchanged:
                return
            rows = _decoded(answer.body, list[msgspec.Raw])
            if rows or number == 1:
                yield answer, rows
            if len(rows) < size:
                return
        self._sink.overflow()


def _deployments_of(project_id: int) -> str:
    return f"/projects/{project_id}/deployments"


def _oldest(rows: Iterable[msgspec.Raw], unknown_ms: int) -> int:
    """When the last row was changed that says it."""
    oldest_ms = unknown_ms
    for raw in rows:
        with suppress(*FLAWS):
            oldest_ms = authored(msgspec.json.decode(raw, type=_Changed).updated_at) or oldest_ms
    return oldest_ms


def _as_not_found(reason: Refused) -> Exception:
    return NotFound(str(reason)) if reason.status in _GONE else reason


def _decoded(body: bytes | msgspec.Raw, row: type[_Row]) -> _Row:
    try:
        return msgspec.json.decode(body, type=row)
    except FLAWS as reason:
        raise Unreadable(f"GitLab's answer is not what its API answers: {reason}") from None
