"""Merge requests of GitLab."""

from collections.abc import AsyncIterator
from datetime import datetime
from urllib.parse import quote

from pydantic import BaseModel

from dora_exporter.commits.providers.contract import Merged, milliseconds
from dora_exporter.commits.providers.http import Forge
from dora_exporter.dora.commit_messages import parse_commit
from dora_exporter.dora.events import Commit, PullRequest

HOST = "gitlab.com"
BASE_URL = "https://gitlab.com/api/v4"

_APPROVED = "approved this merge request"
_READY = "marked this merge request as **ready**"


def headers(token: str | None) -> dict[str, str]:
    """The headers of every request."""
    return {"PRIVATE-TOKEN": token} if token else {}


class _Project(BaseModel):
    default_branch: str | None = None


class _MergeRequest(BaseModel):
    iid: int
    title: str
    created_at: datetime
    merged_at: datetime | None = None
    source_branch: str
    target_branch: str
    squash_commit_sha: str | None = None
    merge_commit_sha: str | None = None
    labels: list[str] = []


class _Note(BaseModel):
    system: bool = False
    body: str
    created_at: datetime


class _Commit(BaseModel):
    id: str
    authored_date: datetime
    author_name: str | None = None
    author_email: str | None = None
    message: str = ""
    parent_ids: list[str] = []


class GitLab:
    """The merge requests of a project, given by its path."""

    def __init__(self, forge: Forge, path: str) -> None:
        """Asks the REST API."""
        self._forge = forge
        self._project = f"/projects/{quote(path, safe='')}"

    async def bringing(self, sha: str) -> Merged | None:
        """See ``PullRequests``."""
        listed = self._forge.items(f"{self._project}/repository/commits/{sha}/merge_requests", _MergeRequest)
        merged = [(each.merged_at, each) async for each in listed if each.merged_at]
        if not merged:
            return None
        project = await self._forge.get(self._project, _Project)
        default = project.default_branch if project else None
        merged_at, first = min(merged, key=lambda each: (each[1].target_branch != default, each[0]))
        notes = [each async for each in self._notes(first.iid) if each.created_at <= merged_at]
        ready = [each.created_at for each in notes if each.body.startswith(_READY)]
        approved = [milliseconds(each.created_at) for each in notes if each.body.startswith(_APPROVED)]
        commits = await self._commits(first.iid)
        return Merged(
            pull_request=PullRequest(
                merged_at=milliseconds(merged_at),
                ready_at=milliseconds(max(ready, default=first.created_at)),
                approved_at=max(approved, default=None),
                number=first.iid,
                title=first.title,
                branch=first.source_branch,
                labels=tuple(first.labels),
            ),
            commits=tuple(map(_commit, commits)),
            authors=tuple(f"{each.author_name or ''} <{each.author_email or ''}>" for each in commits),
            merge_sha=first.squash_commit_sha or first.merge_commit_sha,
        )

    async def _notes(self, number: int) -> AsyncIterator[_Note]:
        async for note in self._forge.items(f"{self._project}/merge_requests/{number}/notes?sort=asc", _Note):
            if note.system:
                yield note

    async def _commits(self, number: int) -> list[_Commit]:
        listed = self._forge.items(f"{self._project}/merge_requests/{number}/commits", _Commit)
        return [each async for each in listed if len(each.parent_ids) <= 1]


def _commit(listed: _Commit) -> Commit:
    return parse_commit(listed.id, milliseconds(listed.authored_date), listed.message)
