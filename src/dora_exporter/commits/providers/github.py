"""Pull requests of GitHub."""

from datetime import datetime

from pydantic import BaseModel

from dora_exporter.commits.providers.contract import Merged, milliseconds
from dora_exporter.commits.providers.http import Forge
from dora_exporter.dora.commit_messages import parse_commit
from dora_exporter.dora.events import Commit, PullRequest

HOST = "github.com"
BASE_URL = "https://api.github.com"


def headers(token: str | None) -> dict[str, str]:
    """The headers of every request."""
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    return {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28", **authorization}


class _Repository(BaseModel):
    default_branch: str


class _Target(BaseModel):
    ref: str
    repo: _Repository | None = None


class _Source(BaseModel):
    ref: str


class _Label(BaseModel):
    name: str


class _PullRequest(BaseModel):
    number: int
    title: str
    created_at: datetime
    merged_at: datetime | None = None
    merge_commit_sha: str | None = None
    base: _Target
    head: _Source
    labels: list[_Label] = []


class _Review(BaseModel):
    state: str
    submitted_at: datetime | None = None


class _Happening(BaseModel):
    event: str | None = None
    created_at: datetime | None = None


class _Person(BaseModel):
    date: datetime
    name: str | None = None
    email: str | None = None


class _Words(BaseModel):
    author: _Person
    message: str


class _Parent(BaseModel):
    sha: str


class _Commit(BaseModel):
    sha: str
    commit: _Words
    parents: list[_Parent] = []


class GitHub:
    """The pull requests of a repository, given as ``owner/name``."""

    def __init__(self, forge: Forge, path: str) -> None:
        """Asks the REST API."""
        self._forge = forge
        self._repository = f"/repos/{path}"

    async def bringing(self, sha: str) -> Merged | None:
        """See ``PullRequests``."""
        listed = self._forge.items(f"{self._repository}/commits/{sha}/pulls", _PullRequest)
        merged = [(each.merged_at, each) async for each in listed if each.merged_at]
        if not merged:
            return None
        merged_at, first = min(merged, key=lambda each: (not _is_into_default(each[1]), each[0]))
        commits = await self._commits(first)
        return Merged(
            pull_request=PullRequest(
                merged_at=milliseconds(merged_at),
                ready_at=milliseconds(await self._ready_at(first, merged_at)),
                approved_at=await self._approved_at(first, merged_at),
                number=first.number,
                title=first.title,
                branch=first.head.ref,
                labels=tuple(label.name for label in first.labels),
            ),
            commits=tuple(map(_commit, commits)),
            authors=tuple(f"{by.name or ''} <{by.email or ''}>" for by in (each.commit.author for each in commits)),
            merge_sha=first.merge_commit_sha,
        )

    async def _ready_at(self, asked: _PullRequest, merged_at: datetime) -> datetime:
        happenings = self._forge.items(f"{self._repository}/issues/{asked.number}/timeline", _Happening)
        moments = [each.created_at async for each in happenings if each.event == "ready_for_review" and each.created_at]
        return max((each for each in moments if each <= merged_at), default=asked.created_at)

    async def _approved_at(self, asked: _PullRequest, merged_at: datetime) -> int | None:
        reviews = self._forge.items(f"{self._repository}/pulls/{asked.number}/reviews", _Review)
        moments = [each.submitted_at async for each in reviews if each.state == "APPROVED" and each.submitted_at]
        return max((milliseconds(each) for each in moments if each <= merged_at), default=None)

    async def _commits(self, asked: _PullRequest) -> list[_Commit]:
        listed = self._forge.items(f"{self._repository}/pulls/{asked.number}/commits", _Commit)
        return [each async for each in listed if len(each.parents) <= 1]


def _is_into_default(asked: _PullRequest) -> bool:
    return asked.base.repo is not None and asked.base.ref == asked.base.repo.default_branch


def _commit(listed: _Commit) -> Commit:
    return parse_commit(listed.sha, milliseconds(listed.commit.author.date), listed.commit.message)
