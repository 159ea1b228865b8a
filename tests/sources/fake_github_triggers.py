"""What an imitated GitHub says of releases, tags and workflow runs, polled and pushed."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from dora_exporter.runtime.timestamps import iso

WORKFLOW = ".github/workflows/deploy.yml"


@dataclass
class FakeRelease:
    """A release; the time of its publication is None while it is a draft."""

    id: int
    tag: str
    created_ms: int
    published_ms: int | None
    is_prerelease: bool = False


@dataclass
class FakeTag:
    """A tag; ``tagged_ms`` is None of one that is not annotated, and only the webhook tells ``pushed_ms``."""

    name: str
    committed_ms: int
    pushed_ms: int
    tagged_ms: int | None = None

    @property
    def sha(self) -> str:
        return hashlib.sha1(self.name.encode(), usedforsecurity=False).hexdigest()


@dataclass
class FakeRun:
    """A run in its latest attempt; without a conclusion it goes on."""

    id: int
    created_ms: int
    updated_ms: int
    conclusion: str | None = None
    attempt: int = 1
    path: str = WORKFLOW
    branch: str = "main"

    @property
    def sha(self) -> str:
        return f"{self.id:040x}"


@dataclass
class Triggers:
    """Those of one repository, the oldest first."""

    releases: list[FakeRelease] = field(default_factory=list)
    tags: list[FakeTag] = field(default_factory=list)
    runs: list[FakeRun] = field(default_factory=list)


Paged = Callable[[Iterable[object], str | None, int], dict[str, Any]]


def releases_and_tags(triggers: Triggers, variables: dict[str, Any], page: Paged) -> dict[str, Any]:
    """The GraphQL fields that are asked for."""
    found = {}
    if variables["releases"]:
        newest = sorted(triggers.releases, key=lambda each: -each.created_ms)
        found["releases"] = page(map(_release_node, newest), variables["after"], variables["count"])
    if variables["tags"]:
        latest = sorted(triggers.tags, key=lambda each: -each.committed_ms)
        found["refs"] = page(map(_tag_node, latest), variables["after"], variables["count"])
    return found


def runs(triggers: Triggers, full_name: str, request: web.Request) -> web.Response:
    """The REST list of the runs of a workflow or of all, newest first, with an ETag."""
    file = request.match_info.get("file")
    wanted = [each for each in triggers.runs if file in (None, each.path.rpartition("/")[2])]
    if file is not None and not wanted:
        return web.json_response({"message": "Not Found"}, status=404)
    size, number = int(request.query["per_page"]), int(request.query["page"])
    newest = sorted(wanted, key=lambda each: -each.created_ms)[size * (number - 1) : size * number]
    body = json.dumps({"total_count": len(wanted), "workflow_runs": [run_row(each, full_name) for each in newest]})
    etag = f'W/"{hashlib.sha256(body.encode()).hexdigest()}"'
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers={"ETag": etag})
    return web.Response(text=body, content_type="application/json", headers={"ETag": etag})


def run_row(made: FakeRun, full_name: str) -> dict[str, Any]:
    """A run as the REST API and the webhook show it."""
    return {
        "id": made.id,
        "head_sha": made.sha,
        "head_branch": made.branch,
        "path": made.path,
        "status": "completed" if made.conclusion else "in_progress",
        "conclusion": made.conclusion,
        "run_attempt": made.attempt,
        "created_at": iso(made.created_ms),
        "run_started_at": iso(made.created_ms),
        "updated_at": iso(made.updated_ms),
        "repository": {"full_name": full_name, "html_url": f"https://github.com/{full_name}"},
    }


def _release_node(made: FakeRelease) -> dict[str, Any]:
    return {
        "databaseId": made.id,
        "tagName": made.tag,
        "createdAt": iso(made.created_ms),
        "publishedAt": None if made.published_ms is None else iso(made.published_ms),
        "isDraft": made.published_ms is None,
        "isPrerelease": made.is_prerelease,
        "tagCommit": {"oid": f"{made.id:040x}"},
    }


def _tag_node(made: FakeTag) -> dict[str, Any]:
    commit = {"oid": made.sha, "committedDate": iso(made.committed_ms)}
    if made.tagged_ms is None:
        return {"name": made.name, "target": commit}
    return {"name": made.name, "target": {"oid": "f" * 40, "tagger": {"date": iso(made.tagged_ms)}, "target": commit}}
