"""Stand-ins for GitHub and GitLab that keep state, pages, ETags and rate limits."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web
from msgspec import Struct

from dora_exporter.dora.events import Commit

Handler = Callable[[web.Request], Awaitable[web.Response]]


def stamp(ms: int) -> str:
    """A moment as forges write it."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Request(Struct):
    """A pull request: who approved it and when it became ready are moments in milliseconds."""

    number: int
    merged_at: int | None
    created_at: int
    commits: list[Commit] = []
    merge_commits: int = 0
    ready_at: list[int] = []
    approved_at: list[int] = []
    merge_sha: str | None = None
    squash_sha: str | None = None
    brings: set[str] = set()
    base: str = "main"


def author_of(commit: Commit) -> tuple[str, str]:
    """Name and address: a bot bumps versions, and Ann does all the rest."""
    is_bump = (commit.subject or "").startswith("Bump ")
    return ("renovate[bot]", "1+renovate[bot]@forge.example") if is_bump else ("Ann", "ann@example.test")


@dataclass
class FakeForge:
    """What both have in common."""

    token: str = "token"
    page: int = 2
    limit: int = 1000
    requests: list[Request] = field(default_factory=list)
    remaining: int = 1000
    reset_at: int = 0
    asked: list[str] = field(default_factory=list)
    not_modified: int = 0
    status: int | None = None
    meanwhile: Callable[[], None] | None = None

    def application(self) -> web.Application:
        """The API."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        if self.meanwhile is not None:
            self.meanwhile()
        if not self.is_authorized(request):
            return web.json_response({"message": "Bad credentials"}, status=401)
        if self.status is not None:
            return web.json_response({"message": "broken"}, status=self.status)
        rate = {"X-RateLimit-Limit": str(self.limit), "X-RateLimit-Reset": str(self.reset_at // 1000)}
        if self.remaining <= 0:
            return web.json_response({"message": "limit"}, status=403, headers={**rate, "X-RateLimit-Remaining": "0"})
        found = self.found(request.path.removeprefix("/api"))
        if found is None:
            return web.json_response({"message": "Not Found"}, status=404)
        headers = dict(rate)
        if isinstance(found, list):
            place = int(request.query.get("page", "1"))
            if len(found) > place * self.page:
                query = {**request.query, "page": str(place + 1)}
                url = request.url.with_query(query)
                headers["Link"] = f'<{url}>; rel="next", <{url}>; rel="last"'
            found = found[(place - 1) * self.page : place * self.page]
        body = json.dumps(found).encode()
        etag = f'W/"{hashlib.sha1(body).hexdigest()}"'
        if request.headers.get("If-None-Match") == etag:
            self.not_modified += 1
            return web.Response(
                status=304, headers={**headers, "ETag": etag, "X-RateLimit-Remaining": str(self.remaining)}
            )
        self.remaining -= 1
        headers |= {"ETag": etag, "X-RateLimit-Remaining": str(self.remaining)}
        return web.Response(body=body, content_type="application/json", headers=headers)

    def is_authorized(self, request: web.Request) -> bool:
        """Whether the token is right."""
        raise NotImplementedError

    def found(self, path: str) -> object | None:
        """What is at a path."""
        raise NotImplementedError

    def numbered(self, number: str) -> Request | None:
        """A pull request by its number."""
        return next((each for each in self.requests if each.number == int(number)), None)


class FakeGitHub(FakeForge):
    """GitHub with one repository, ``acme/shop``."""

    def is_authorized(self, request: web.Request) -> bool:
        """A bearer token, and the media type that the documentation asks for."""
        return (
            request.headers.get("Authorization") == f"Bearer {self.token}"
            and request.headers.get("Accept") == "application/vnd.github+json"
        )

    def found(self, path: str) -> object | None:
        """The four lists that are asked for."""
        match path.removeprefix("/repos/acme/shop/").split("/"):
            case ["commits", sha, "pulls"]:
                return [self._shown(each) for each in self.requests if sha in each.brings]
            case ["issues", number, "timeline"] if asked := self.numbered(number):
                marked = [{"event": "ready_for_review", "created_at": stamp(each)} for each in asked.ready_at]
                return [{"event": "committed"}, {"event": "labeled", "created_at": stamp(asked.created_at)}, *marked]
            case ["pulls", number, "reviews"] if asked := self.numbered(number):
                said = [{"state": "APPROVED", "submitted_at": stamp(each)} for each in asked.approved_at]
                return [{"state": "COMMENTED", "submitted_at": stamp(asked.created_at)}, {"state": "PENDING"}, *said]
            case ["pulls", number, "commits"] if asked := self.numbered(number):
                return [_github_commit(each, 1) for each in asked.commits] + [
                    _github_commit(Commit(f"{place:040d}", 0), 2) for place in range(asked.merge_commits)
                ]
        return None

    @staticmethod
    def _shown(asked: Request) -> dict[str, object]:
        return {
            "number": asked.number,
            "title": f"Request {asked.number}",
            "created_at": stamp(asked.created_at),
            "merged_at": stamp(asked.merged_at) if asked.merged_at else None,
            "merge_commit_sha": asked.squash_sha or asked.merge_sha,
            "base": {"ref": asked.base, "repo": {"default_branch": "main"}},
            "head": {"ref": f"branch-{asked.number}"},
            "labels": [{"name": "big"}],
        }


def _github_commit(commit: Commit, parents: int) -> dict[str, object]:
    name, address = author_of(commit)
    author = {"date": stamp(commit.authored_at), "name": name, "email": address}
    words = {"author": author, "message": f"{commit.subject}\n\nmore"}
    return {"sha": commit.sha, "commit": words, "parents": [{"sha": "0" * 40}] * parents}


class FakeGitLab(FakeForge):
    """GitLab with one project, ``acme/shop``."""

    def is_authorized(self, request: web.Request) -> bool:
        """A private token."""
        return request.headers.get("PRIVATE-TOKEN") == self.token

    def found(self, path: str) -> object | None:
        """The project, and the three lists that are asked for."""
        match path.removeprefix("/v4/projects/acme/shop").strip("/").split("/"):
            case [""]:
                return {"default_branch": "main"}
            case ["repository", "commits", sha, "merge_requests"]:
                return [self._shown(each) for each in self.requests if sha in each.brings]
            case ["merge_requests", number, "notes"] if asked := self.numbered(number):
                ready = [_note("marked this merge request as **ready**", each) for each in asked.ready_at]
                approved = [_note("approved this merge request", each) for each in asked.approved_at]
                spoken = [_note("approved this merge request, I think", asked.created_at, system=False)]
                return [*spoken, *ready, *approved]
            case ["merge_requests", number, "commits"] if asked := self.numbered(number):
                return [_gitlab_commit(each, 1) for each in asked.commits] + [
                    _gitlab_commit(Commit(f"{place:040d}", 0), 2) for place in range(asked.merge_commits)
                ]
        return None

    @staticmethod
    def _shown(asked: Request) -> dict[str, object]:
        return {
            "iid": asked.number,
            "title": f"Request {asked.number}",
            "created_at": stamp(asked.created_at),
            "merged_at": stamp(asked.merged_at) if asked.merged_at else None,
            "merge_commit_sha": asked.merge_sha,
            "squash_commit_sha": asked.squash_sha,
            "source_branch": f"branch-{asked.number}",
            "target_branch": asked.base,
            "labels": ["big"],
        }


def _note(body: str, moment: int, *, system: bool = True) -> dict[str, object]:
    return {"system": system, "body": body, "created_at": stamp(moment)}


def _gitlab_commit(commit: Commit, parents: int) -> dict[str, object]:
    return {
        "id": commit.sha,
        "authored_date": stamp(commit.authored_at),
        "author_name": author_of(commit)[0],
        "author_email": author_of(commit)[1],
        "message": f"{commit.subject}\n\nmore",
        "parent_ids": ["0" * 40] * parents,
    }
