"""The part of GitLab's REST API that is asked: projects, deployments, environments, incidents."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

import msgspec

from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Sink, Unreadable
from dora_exporter.sources.gitlab.reports import Project
from dora_exporter.sources.http.client import Query, Refused, Upstream

_Row = TypeVar("_Row")
_PAGE = 100
_MOST_PAGES = 500
_HIDDEN = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
"""What is answered for a part of a project that is switched off, and for what is deleted."""


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


class GitLabApi:
    """One GitLab, asked with one token. Methods raise what ``Upstream`` raises, and ``Unreadable``."""

    def __init__(self, upstream: Upstream, sink: Sink) -> None:
        """``sink`` is told of lists that are too long."""
        self._upstream = upstream
        self._sink = sink

    async def project(self, path: str) -> ProjectRow:
        """A project by its path."""
        answer = await self._upstream.get(f"/projects/{quote(path, safe='')}")
        return _decoded(answer.body, ProjectRow)

    async def projects_of(self, group: str) -> AsyncIterator[list[ProjectRow]]:
        """The projects of a group and its subgroups, by pages."""
        query = [("include_subgroups", "true"), ("archived", "false"), ("order_by", "id"), ("sort", "asc")]
        async for page in self._pages(f"/groups/{quote(group, safe='')}/projects", query):
            yield [_decoded(row, ProjectRow) for row in page]

    async def deployments(self, project_id: int, query: Query) -> AsyncIterator[list[msgspec.Raw]]:
        """Deployments of a project, by pages; none where it has no such feature."""
        async for page in self._visible(f"/projects/{project_id}/deployments", query):
            yield page

    async def incidents(self, owner: str, query: Query) -> AsyncIterator[list[msgspec.Raw]]:
        """Incidents of a project or group (``projects/7``, ``groups/acme``), by pages, in an order that stays."""
        query = [("issue_type", "incident"), ("scope", "all"), ("order_by", "created_at"), ("sort", "asc"), *query]
        async for page in self._visible(f"/{owner}/issues", query):
            yield page

    async def tier(self, project_id: int, environment_id: int) -> str | None:
        """The tier of an environment; None for one that is deleted."""
        try:
            answer = await self._upstream.get(f"/projects/{project_id}/environments/{environment_id}")
        except Refused as reason:
            if reason.status not in _HIDDEN:
                raise
            return None
        return _decoded(answer.body, _Environment).tier

    async def _visible(self, path: str, query: Query) -> AsyncIterator[list[msgspec.Raw]]:
        try:
            async for page in self._pages(path, query):
                yield page
        except Refused as reason:
            if reason.status not in _HIDDEN:
                raise

    async def _pages(self, path: str, query: Query) -> AsyncIterator[list[msgspec.Raw]]:
        for number in range(1, _MOST_PAGES + 1):
            answer = await self._upstream.get(path, [*query, ("per_page", str(_PAGE)), ("page", str(number))])
            rows = _decoded(answer.body, list[msgspec.Raw])
            if rows:
                yield rows
            if len(rows) < _PAGE:
                return
        self._sink.overflow()


def _decoded(body: bytes | msgspec.Raw, row: type[_Row]) -> _Row:
    try:
        return msgspec.json.decode(body, type=row)
    except FLAWS as reason:
        raise Unreadable(f"GitLab's answer is not what its API answers: {reason}") from None
