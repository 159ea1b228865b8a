"""A GitLab that remembers projects, deployments and issues, and answers what a poller asks it."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from dora_exporter.runtime.timestamps import iso, microseconds

Row = dict[str, Any]
PER_PAGE = 100


@dataclass
class FakeGitLab:
    """``faults`` answer the next requests in its stead; ``seen`` keeps the paths and queries that it was asked.

    ``moved`` has the projects by the paths that they had, ``unchanged`` counts answers of 304. After ``limit``
    requests all are refused.
    """

    clock: Callable[[], int]
    token: str = "token"
    projects: dict[int, Row] = field(default_factory=dict)
    deployments: dict[int, Row] = field(default_factory=dict)
    issues: dict[int, Row] = field(default_factory=dict)
    tiers: dict[int, str] = field(default_factory=dict)
    faults: list[Callable[[], web.Response]] = field(default_factory=list)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    moved: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0
    last_issue: int = 0
    limit: int | None = None

    def application(self) -> web.Application:
        """What a test server serves."""
        application = web.Application()
        for path, answer in (
            ("/projects/{project}", self._project),
            ("/groups/{group}/projects", self._projects_of),
            ("/projects/{project}/deployments", self._deployments),
            ("/projects/{project}/environments/{environment}", self._environment),
            ("/projects/{project}/issues", self._issues),
            ("/projects/{project}/issues/{issue}", self._issue),
            ("/groups/{group}/issues", self._issues),
        ):
            application.router.add_get("/api/v4" + path, self._guarded(answer))
        return application

    def clear(self) -> None:
        """Forgets everything but the requests."""
        for held in (self.projects, self.deployments, self.issues, self.tiers, self.faults):
            held.clear()

    def add_project(self, path: str) -> int:
        """A project with an environment ``production``, whose id is the project's."""
        id_ = len(self.projects) + 1
        url = f"https://gitlab.example/{path}"
        self.projects[id_] = {"id": id_, "path_with_namespace": path, "web_url": url, "name": path}
        self.tiers[id_] = "production"
        return id_

    def deploy(self, project: int) -> int:
        """Begins a deployment."""
        id_, now = len(self.deployments) + 1, iso(self.clock())
        self.deployments[id_] = {
            "id": id_,
            "iid": id_,
            "project": project,
            "status": "running",
            "created_at": now,
            "updated_at": now,
            "sha": f"{id_:040x}",
            "ref": "main",
            "environment": {"id": project, "name": "production", "external_url": None},
            "deployable": {"id": id_, "started_at": now, "finished_at": None},
        }
        return id_

    def end(self, deployment: int, status: str) -> None:
        """Ends a deployment."""
        row, now = self.deployments[deployment], iso(self.clock())
        row |= {"status": status, "updated_at": now, "deployable": {**row["deployable"], "finished_at": now}}

    def open(self, project: int, **changes: object) -> int:
        """Opens an incident."""
        self.last_issue += 1
        id_, now = self.last_issue, iso(self.clock())
        path = self.projects[project]["path_with_namespace"]
        self.issues[id_] = {
            "id": id_,
            "iid": id_,
            "project_id": project,
            "issue_type": "incident",
            "title": "Down",
            "state": "opened",
            "created_at": now,
            "updated_at": now,
            "closed_at": None,
            "severity": "UNKNOWN",
            "labels": [],
            "references": {"full": f"{path}#{id_}"},
            "web_url": f"https://gitlab.example/{path}/-/issues/{id_}",
            **changes,
        }
        return id_

    def change(self, issue: int, **changes: object) -> None:
        """Changes an incident; closing and reopening set ``closed_at``."""
        now = iso(self.clock())
        if "state" in changes:
            changes = {**changes, "closed_at": now if changes["state"] == "closed" else None}
        self.issues[issue] |= {"updated_at": now, **changes}

    def deployment_hook(self, deployment: int) -> Row:
        """The body that a webhook has now."""
        row = self.deployments[deployment]
        project = self.projects[row["project"]]
        return {
            "object_kind": "deployment",
            "status": row["status"],
            "status_changed_at": row["updated_at"].replace("T", " ").partition(".")[0].rstrip("Z") + " UTC",
            "deployment_id": row["id"],
            "environment": row["environment"]["name"],
            "environment_tier": self.tiers[row["environment"]["id"]],
            "project": project,
            "ref": row["ref"],
            "short_sha": row["sha"][:8],
            "commit_url": f"{project['web_url']}/-/commit/{row['sha']}",
        }

    def issue_hook(self, issue: int) -> Row:
        """The body that a webhook has now."""
        row = self.issues[issue]
        times = {
            name: row[name] and row[name].replace("T", " ").partition(".")[0].rstrip("Z") + " UTC"
            for name in ("created_at", "updated_at", "closed_at")
        }
        said = {
            **row,
            **times,
            "type": row["issue_type"].title(),
            "labels": [{"title": each} for each in row["labels"]],
        }
        return {"object_kind": "issue", "project": self.projects[row["project_id"]], "object_attributes": said}

    def _guarded(self, answer: Callable[[web.Request], web.Response]) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            self.seen.append((request.path, dict(request.query)))
            if self.faults:
                return self.faults.pop(0)()
            if self.limit is not None and len(self.seen) > self.limit:
                return web.json_response({"message": "400 Bad request"}, status=400)
            if request.headers.get("PRIVATE-TOKEN") != self.token:
                return web.json_response({"message": "401 Unauthorized"}, status=401)
            answered = answer(request)
            if answered.status != 200:
                return answered
            etag = f'W/"{hashlib.sha256((answered.text or "").encode()).hexdigest()}"'
            if request.headers.get("If-None-Match") == etag:
                self.unchanged += 1
                return web.Response(status=304, headers={"ETag": etag})
            answered.headers["ETag"] = etag
            return answered

        return handle

    def rename(self, project: int, path: str) -> None:
        """Gives a project another path, or moves it to another group."""
        row = self.projects[project]
        self.moved[row["path_with_namespace"]] = project
        row |= {"path_with_namespace": path, "web_url": f"https://gitlab.example/{path}"}
        for issue in self.issues.values():
            if issue["project_id"] == project:
                issue |= {
                    "references": {"full": f"{path}#{issue['iid']}"},
                    "web_url": f"https://gitlab.example/{path}/-/issues/{issue['iid']}",
                }

    def _project(self, request: web.Request) -> web.Response:
        path = request.match_info["project"]
        found = [each for each in self.projects.values() if each["path_with_namespace"] == path]
        if not found and path in self.moved:
            return web.Response(status=301, headers={"Location": f"/api/v4/projects/{self.moved[path]}"})
        return web.json_response(found[0]) if found else _missing()

    def _projects_of(self, request: web.Request) -> web.Response:
        group = request.match_info["group"] + "/"
        found = [each for each in self.projects.values() if each["path_with_namespace"].startswith(group)]
        return _page(request, found) if found or group == "acme/" else _missing()

    def _deployments(self, request: web.Request) -> web.Response:
        project = int(request.match_info["project"])
        if project in self.hidden:
            return web.json_response({"message": "403 Forbidden"}, status=403)
        assert (request.query["order_by"], request.query["sort"]) == ("updated_at", "desc")
        return _page(request, _latest(each for each in self.deployments.values() if each["project"] == project))

    def _environment(self, request: web.Request) -> web.Response:
        environment = int(request.match_info["environment"])
        return web.json_response({"id": environment, "tier": self.tiers[environment]})

    def _issue(self, request: web.Request) -> web.Response:
        project, number = int(request.match_info["project"]), int(request.match_info["issue"])
        found = [each for each in self.issues.values() if (each["project_id"], each["iid"]) == (project, number)]
        return web.json_response(found[0]) if found else _missing()

    def _issues(self, request: web.Request) -> web.Response:
        assert (request.query["issue_type"], request.query["scope"]) == ("incident", "all")
        project, group = request.match_info.get("project"), request.match_info.get("group", "") + "/"
        rows = [
            each
            for each in self.issues.values()
            if (each["project_id"] == int(project) if project else each["references"]["full"].startswith(group))
            and each["issue_type"] == "incident"
            and request.query.get("state", each["state"]) == each["state"]
        ]
        return _page(request, _latest(rows) if request.query["order_by"] == "updated_at" else rows)


def _latest(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: microseconds(row["updated_at"]), reverse=True)


def _page(request: web.Request, rows: Iterable[Row]) -> web.Response:
    size, first = int(request.query["per_page"]), int(request.query["page"]) - 1
    assert size <= PER_PAGE
    return web.json_response(list(rows)[first * size : (first + 1) * size])


def _missing() -> web.Response:
    return web.json_response({"message": "404 Project Not Found"}, status=404)
