"""Asks GitHub's GraphQL API, and its REST API for what GraphQL does not have."""

from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec

from dora_exporter.runtime.http_response import Answer
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Misconfigured, Sink, Unreadable
from dora_exporter.sources.github.queries import DEPLOYMENTS, OPEN, REPOSITORIES, STATUSES
from dora_exporter.sources.github.rows import DeploymentRow, ListedRow, Page, RepositoryRow, StatusRow
from dora_exporter.sources.http.client import MOST_TRIES, Query, Refused, Upstream

AT_ONCE = 25
"""So many repositories are asked about in one request."""
FIRST_PAGE = 10
PAGE = 100
_MOST_PAGES = 10_000
_LONGEST_EXPLANATION = 300
_GONE = {"NOT_FOUND"}
_MAY_NOT = {"FORBIDDEN", "INSUFFICIENT_SCOPES"}

Shape = TypeVar("Shape")


class _Flaw(msgspec.Struct, frozen=True):
    type: str = ""
    message: str = ""
    path: list[str | int] = []

    @property
    def is_about_number(self) -> bool:
        """Whether it only says that a number has over 32 bits: the id has it, too."""
        return self.path[-1:] == ["databaseId"]


class _Answer(msgspec.Struct, frozen=True):
    data: dict[str, Any] | None = None
    errors: list[_Flaw] = []


class GitHubApi:
    """One pass' view of a GitHub. Its methods raise what ``Upstream`` raises, ``Unreadable`` and ``Misconfigured``."""

    def __init__(self, upstream: Upstream, sink: Sink, *, rest: str) -> None:
        """``rest`` begins the paths of the REST API. Rows that cannot be understood are reported to the sink."""
        self._upstream = upstream
        self._sink = sink
        self._rest = rest

    async def repositories(self, owner: str) -> AsyncIterator[list[RepositoryRow]]:
        """Pages of the repositories of an organization or user."""
        after = None
        for _ in range(_MOST_PAGES):
            data = await self.ask(REPOSITORIES, {"owner": owner, "after": after})
            if data.get("repositoryOwner") is None:
                raise Misconfigured(f"there is no organization or user {owner}, or the token may not see it")
            page = shaped(data["repositoryOwner"].get("repositories"), Page)
            yield self.rows(page, RepositoryRow)
            after = page.next
            if after is None:
                return
        raise Unreadable("the list of repositories has too many pages")

    async def newest(self, ids: Sequence[str]) -> AsyncIterator[tuple[str, list[DeploymentRow], str | None]]:
        """For each repository its id, its newest deployments, and where its next page begins."""
        data = await self.ask(DEPLOYMENTS, {"ids": list(ids), "count": FIRST_PAGE, "after": None})
        for node in nodes_of(data):
            yield self._deployments(node)

    async def further(self, repository_id: str, after: str) -> tuple[list[DeploymentRow], str | None]:
        """A page of a repository's deployments, and where the next one begins."""
        data = await self.ask(DEPLOYMENTS, {"ids": [repository_id], "count": PAGE, "after": after})
        for node in nodes_of(data):
            return self._deployments(node)[1:]
        return [], None

    async def deployments(self, ids: Sequence[str]) -> list[DeploymentRow]:
        """Deployments by their ids, without those that were deleted."""
        data = await self.ask(OPEN, {"ids": list(ids)})
        return self.rows(Page(nodes=nodes_of(data)), DeploymentRow)

    async def statuses(self, row: DeploymentRow) -> list[StatusRow]:
        """All statuses of a deployment: a row has only the first ones."""
        found, after = list(row.statuses.nodes), row.statuses.next
        for _ in range(_MOST_PAGES):
            if after is None:
                return found
            node = (await self.ask(STATUSES, {"id": row.id, "after": after})).get("node") or {}
            page = shaped(node.get("statuses"), Page)
            found += [shaped(each, StatusRow) for each in page.nodes]
            after = page.next
        raise Unreadable("the list of statuses has too many pages")

    async def listed(self, repository: str, page: int) -> list[ListedRow]:
        """A page of a repository's deployments with what only the REST API says of them, newest first."""
        answer = await self.listing(f"/repos/{repository}/deployments", [("per_page", str(PAGE)), ("page", str(page))])
        if answer is None:
            return []
        try:
            return msgspec.json.decode(answer.body, type=list[ListedRow])
        except FLAWS:
            raise Unreadable("the list of deployments cannot be read") from None

    async def ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of an answer. What was deleted is null in it.

        An exhausted limit comes as an error with status 200; the next try waits until its headers' reset.
        """
        for _ in range(MOST_TRIES):
            answer = await self._upstream.post_json("/graphql", {"query": query, "variables": variables})
            said = _decoded(answer.body)
            kinds = {each.type for each in said.errors if not each.is_about_number}
            if "RATE_LIMITED" in kinds:
                continue
            if said.data is not None and kinds <= _GONE:
                return said.data
            words = said.errors[0].message[:_LONGEST_EXPLANATION] if said.errors else "it has no data"
            raise (Misconfigured if kinds & _MAY_NOT else Unreadable)(f"GitHub refuses the query: {words}")
        raise Unreadable("GitHub's rate limit is exhausted")

    async def listing(self, path: str, query: Query, *, unless: str | None = None) -> Answer | None:
        """A list of the REST API, see ``Upstream.get``; None for what is not there, or no more."""
        try:
            return await self._upstream.get(self._rest + path, query, unless=unless)
        except Refused as reason:
            if reason.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def _deployments(self, node: dict[str, Any]) -> tuple[str, list[DeploymentRow], str | None]:
        page = shaped(node.get("deployments"), Page)
        return str(node.get("id")), self.rows(page, DeploymentRow), page.next

    def rows(self, page: Page, shape: type[Shape]) -> list[Shape]:
        """The rows of a page, without those that cannot be understood."""
        found = []
        for each in page.nodes:
            try:
                found.append(msgspec.convert(each, shape))
            except FLAWS as reason:
                self._sink.quarantine(each.get("id") if isinstance(each, dict) else None, str(reason))
        return found


def _decoded(body: bytes) -> _Answer:
    try:
        return msgspec.json.decode(body, type=_Answer)
    except FLAWS as reason:
        raise Unreadable(f"GitHub's answer is broken: {reason}") from None


def nodes_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of an answer; one that was deleted is null, and one of another type has no fields."""
    nodes = data.get("nodes")
    if not isinstance(nodes, list):
        raise Unreadable("GitHub's answer has no nodes")
    return [each for each in nodes if isinstance(each, dict) and each]


def shaped(value: object, shape: type[Shape]) -> Shape:
    """A part of an answer; raises ``Unreadable``."""
    try:
        return msgspec.convert(value, shape)
    except FLAWS as reason:
        raise Unreadable(f"GitHub's answer has an unexpected shape: {reason}") from None
