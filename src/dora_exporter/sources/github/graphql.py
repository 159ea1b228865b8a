"""Asks GitHub's GraphQL API, and its REST API for what GraphQL does not have."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

import msgspec

from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Misconfigured, Sink, Unreadable
from dora_exporter.sources.github.queries import DEPLOYMENTS, OPEN, REPOSITORIES, STATUSES
from dora_exporter.sources.github.rows import DeploymentRow, ListedRow, Page, RepositoryRow, StatusRow
from dora_exporter.sources.http.client import MOST_TRIES, Refused, Upstream

AT_ONCE = 25
"""So many repositories are asked about in one request."""
FIRST_PAGE = 10
PAGE = 100
_MOST_PAGES = 10_000
_LONGEST_EXPLANATION = 300
_NOT_FOUND = 404
_GONE = {"NOT_FOUND"}
_MAY_NOT = {"FORBIDDEN", "INSUFFICIENT_SCOPES"}

Shape = TypeVar("Shape")
Row = TypeVar("Row", DeploymentRow, RepositoryRow)


class _Flaw(msgspec.Struct, frozen=True):
    type: str = ""
    message: str = ""


class _Answer(msgspec.Struct, frozen=True):
    data: dict[str, Any] | None = None
    errors: list[_Flaw] = []


class GitHubApi:
    """One pass' view of a GitHub. Its methods raise what ``Upstream`` raises, ``Unreadable`` and ``Misconfigured``."""

    def __init__(self, upstream: Upstream, sink: Sink, *, rest: str) -> None:
        """``rest`` begins the paths of the REST API. Rows that cannot be understood are told the sink."""
        self._upstream = upstream
        self._sink = sink
        self._rest = rest

    async def repositories(self, owner: str) -> AsyncIterator[list[RepositoryRow]]:
        """Pages of the repositories of an organization or user."""
        after = None
        for _ in range(_MOST_PAGES):
            data = await self._ask(REPOSITORIES, {"owner": owner, "after": after})
            if data.get("repositoryOwner") is None:
                raise Misconfigured(f"there is no organization or user {owner}, or the token may not see it")
            page = _shaped(data["repositoryOwner"].get("repositories"), Page)
            yield self._rows(page, RepositoryRow)
            after = page.next
            if after is None:
                return
        raise Unreadable("the pages of repositories do not end")

    async def newest(self, ids: Sequence[str]) -> AsyncIterator[tuple[str, list[DeploymentRow], str | None]]:
        """For each repository its id, its newest deployments, and where its next page begins."""
        data = await self._ask(DEPLOYMENTS, {"ids": list(ids), "count": FIRST_PAGE, "after": None})
        for node in _nodes(data):
            yield self._deployments(node)

    async def further(self, repository_id: str, after: str) -> tuple[list[DeploymentRow], str | None]:
        """A page of a repository's deployments, and where the next one begins."""
        data = await self._ask(DEPLOYMENTS, {"ids": [repository_id], "count": PAGE, "after": after})
        for node in _nodes(data):
            return self._deployments(node)[1:]
        return [], None

    async def deployments(self, ids: Sequence[str]) -> list[DeploymentRow]:
        """Deployments by their ids, without those that were deleted."""
        data = await self._ask(OPEN, {"ids": list(ids)})
        return self._rows(Page(nodes=_nodes(data)), DeploymentRow)

    async def statuses(self, row: DeploymentRow) -> list[StatusRow]:
        """All statuses of a deployment: a row has only the first ones."""
        found, after = list(row.statuses.nodes), row.statuses.next
        for _ in range(_MOST_PAGES):
            if after is None:
                return found
            node = (await self._ask(STATUSES, {"id": row.id, "after": after})).get("node") or {}
            page = _shaped(node.get("statuses"), Page)
            found += [_shaped(each, StatusRow) for each in page.nodes]
            after = page.next
        raise Unreadable("the pages of statuses do not end")

    async def listed(self, repository: str, page: int) -> list[ListedRow]:
        """A page of a repository's deployments with what only the REST API says of them, newest first."""
        path = f"{self._rest}/repos/{repository}/deployments"
        try:
            answer = await self._upstream.get(path, [("per_page", str(PAGE)), ("page", str(page))])
        except Refused as reason:
            if reason.status == _NOT_FOUND:
                return []
            raise
        try:
            return msgspec.json.decode(answer.body, type=list[ListedRow])
        except FLAWS:
            raise Unreadable("the list of deployments cannot be read") from None

    def _deployments(self, node: dict[str, Any]) -> tuple[str, list[DeploymentRow], str | None]:
        page = _shaped(node.get("deployments"), Page)
        return str(node.get("id")), self._rows(page, DeploymentRow), page.next

    def _rows(self, page: Page, shape: type[Row]) -> list[Row]:
        found = []
        for each in page.nodes:
            try:
                found.append(msgspec.convert(each, shape))
            except FLAWS as reason:
                self._sink.quarantine(each.get("id") if isinstance(each, dict) else None, str(reason))
        return found

    async def _ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of an answer. What was deleted is null in it.

        An exhausted limit comes as an error with status 200; the next try waits until its headers' reset.
        """
        for _ in range(MOST_TRIES):
            answer = await self._upstream.post_json("/graphql", {"query": query, "variables": variables})
            said = _decoded(answer.body)
            kinds = {each.type for each in said.errors}
            if "RATE_LIMITED" in kinds:
                continue
            if said.data is not None and kinds <= _GONE:
                return said.data
            words = said.errors[0].message[:_LONGEST_EXPLANATION] if said.errors else "it has no data"
            raise (Misconfigured if kinds & _MAY_NOT else Unreadable)(f"GitHub refuses the query: {words}")
        raise Unreadable("GitHub's rate limit is exhausted")


def _decoded(body: bytes) -> _Answer:
    try:
        return msgspec.json.decode(body, type=_Answer)
    except FLAWS as reason:
        raise Unreadable(f"GitHub's answer is broken: {reason}") from None


def _nodes(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of an answer; one that was deleted is null, and one of another type has no fields."""
    nodes = data.get("nodes")
    if not isinstance(nodes, list):
        raise Unreadable("GitHub's answer has no nodes")
    return [each for each in nodes if isinstance(each, dict) and each]


def _shaped(value: object, shape: type[Shape]) -> Shape:
    try:
        return msgspec.convert(value, shape)
    except FLAWS as reason:
        raise Unreadable(f"GitHub's answer has another shape: {reason}") from None
