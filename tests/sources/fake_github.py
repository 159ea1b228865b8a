"""A stateful GitHub on a real socket: repositories, deployments and statuses, by GraphQL, REST and webhook."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import jwt
import msgspec
from aiohttp import web
from tests.builders import ManualClock
from tests.sources.fake_github_triggers import Triggers, releases_and_tags, runs

from dora_exporter.runtime.timestamps import iso

TOKEN = "token-of-github"


@dataclass
class FakeDeployment:
    """A deployment with its statuses, each a state and a moment in milliseconds."""

    id: int
    sha: str
    environment: str
    created_ms: int
    ref: str = "main"
    task: str = "deploy"
    payload: object = field(default_factory=dict)
    transient: bool = False
    statuses: list[tuple[str, int]] = field(default_factory=list)

    @property
    def node_id(self) -> str:
        return "DE_" + urlsafe_b64encode(msgspec.msgpack.encode([0, 1, self.id])).decode().rstrip("=")


@dataclass
class FakeRepository:
    """A repository; ``deployments`` has the oldest first. ``deleted`` are the refs that are no more."""

    id: int
    full_name: str
    deployments: list[FakeDeployment] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    triggers: Triggers = field(default_factory=Triggers)

    @property
    def node_id(self) -> str:
        return f"R_{self.id}"

    @property
    def url(self) -> str:
        return f"https://github.com/{self.full_name}"


Answer = Callable[[], web.Response | None]


class FakeGitHub:
    """Answers what the source asks. ``interfere`` may give an answer in place of the right one."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.repositories: list[FakeRepository] = []
        self.requests: list[str] = []
        self.interfere: Answer = lambda: None
        self.token = TOKEN
        self.app_key: Any = None
        self.last_id = 0

    def repository(self, full_name: str = "acme/shop") -> FakeRepository:
        self.last_id += 1
        made = FakeRepository(self.last_id, full_name)
        self.repositories.append(made)
        return made

    def deploy(self, repository: FakeRepository, *states: str, **changes: object) -> FakeDeployment:
        """Creates a deployment; each state comes a second after the one before."""
        self.last_id += 1
        given: dict[str, Any] = {"environment": "production", "created_ms": self.clock() // 1000 * 1000, **changes}
        made = FakeDeployment(self.last_id, sha=f"{self.last_id:040x}", **given)
        repository.deployments.append(made)
        for number, state in enumerate(states, 1):
            made.statuses.append((state, made.created_ms + number * 1000))
        return made

    def delivery(self, repository: FakeRepository, made: FakeDeployment, number: int = -1) -> dict[str, Any]:
        """The body of the webhook of a status."""
        state, at_ms = made.statuses[number]
        return {
            "action": "created",
            "deployment_status": {"id": 1, "state": state, "created_at": iso(at_ms)},
            "deployment": {
                "id": made.id,
                "sha": made.sha,
                "ref": made.ref,
                "task": made.task,
                "payload": made.payload,
                "environment": made.environment,
                "created_at": iso(made.created_ms),
                "transient_environment": made.transient,
            },
            "repository": {
                "id": repository.id,
                "full_name": repository.full_name,
                "clone_url": f"{repository.url}.git",
            },
        }

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_post("/graphql", self._graphql)
        application.router.add_post("/api/graphql", self._graphql)
        for rest in ("", "/api/v3"):
            application.router.add_get(rest + "/repos/{owner}/{name}/deployments", self._listed)
            for path in ("/runs", "/workflows/{file}/runs"):
                application.router.add_get(rest + "/repos/{owner}/{name}/actions" + path, self._runs)
            application.router.add_post(rest + "/app/installations/{id}/access_tokens", self._access_token)
        return application

    async def _graphql(self, request: web.Request) -> web.Response:
        self.requests.append("graphql")
        refused = self._refusal(request)
        if refused is not None:
            return refused
        asked = await request.json()
        query, variables = asked["query"], asked["variables"]
        if "repositoryOwner" in query:
            return web.json_response({"data": {"repositoryOwner": self._owner(variables)}})
        if "node(id:" in query:
            made = next(each for each in self._all() if each[1].node_id == variables["id"])[1]
            return web.json_response({"data": {"node": {"statuses": self._statuses(made, variables["after"], 100)}}})
        if "refPrefix" in query:
            found = [(each, releases_and_tags(each.triggers, variables, _page)) for each in self._named(variables)]
            return web.json_response({"data": {"nodes": [{**_head(each), **said} for each, said in found]}})
        nodes = [self._node(each, variables) for each in variables["ids"]]
        errors: list[dict[str, Any]] = [{"type": "NOT_FOUND", "message": "gone"} for each in nodes if each is None]
        if self.last_id >= 2**31:
            errors.append(
                {"message": "cannot be an Int", "path": ["nodes", 0, "deployments", "nodes", 0, "databaseId"]}
            )
        return web.json_response({"data": {"nodes": nodes}, **({"errors": errors} if errors else {})})

    async def _listed(self, request: web.Request) -> web.Response:
        self.requests.append("rest")
        refused = self._refusal(request)
        if refused is not None:
            return refused
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        repository = next(each for each in self.repositories if each.full_name == name)
        size, number = int(request.query["per_page"]), int(request.query["page"])
        rows = repository.deployments[::-1][size * (number - 1) : size * number]
        return web.json_response(
            [{"id": each.id, "ref": each.ref, "transient_environment": each.transient} for each in rows]
        )

    async def _runs(self, request: web.Request) -> web.Response:
        self.requests.append("runs")
        refused = self._refusal(request)
        if refused is not None:
            return refused
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        repository = next(each for each in self.repositories if each.full_name == name)
        answer = runs(repository.triggers, name, request)
        if answer.status == 304:
            self.requests[-1] = "runs unchanged"
        return answer

    def _named(self, variables: dict[str, Any]) -> list[FakeRepository]:
        return [each for each in self.repositories if each.node_id in variables["ids"]]

    async def _access_token(self, request: web.Request) -> web.Response:
        """The exchange of an App's signature for a token."""
        self.requests.append("token")
        proof = request.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(
            proof, self.app_key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
        )
        now_seconds = self.clock() // 1000
        if claims["iss"] != "7" or not claims["iat"] <= now_seconds < claims["exp"] <= now_seconds + 600:
            return web.json_response({"message": "no"}, status=401)
        return web.json_response({"token": self.token, "expires_at": iso(self.clock() + 3_600_000)}, status=201)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"message": "Bad credentials"}, status=401)
        return self.interfere()

    def _owner(self, variables: dict[str, Any]) -> dict[str, Any] | None:
        owner = variables["owner"].lower()
        mine = [each for each in self.repositories if each.full_name.partition("/")[0].lower() == owner]
        rows = [{"id": each.node_id, "nameWithOwner": each.full_name} for each in mine]
        return {"repositories": _page(rows, variables["after"], 100)} if mine else None

    def _node(self, node_id: str, variables: dict[str, Any]) -> dict[str, Any] | None:
        if node_id.startswith("R_"):
            each = next((each for each in self.repositories if each.node_id == node_id), None)
            return None if each is None else {"id": node_id, "deployments": self._deployments(each, variables)}
        found = next((each for each in self._all() if each[1].node_id == node_id), None)
        return None if found is None else self._row(*found)

    def _deployments(self, repository: FakeRepository, variables: dict[str, Any]) -> dict[str, Any]:
        page = _page(repository.deployments[::-1], variables["after"], variables["count"])
        return {**page, "nodes": [self._row(repository, made) for made in page["nodes"]]}

    def _row(self, repository: FakeRepository, made: FakeDeployment) -> dict[str, Any]:
        return {
            "id": made.node_id,
            "databaseId": made.id if made.id < 2**31 else None,
            "commitOid": made.sha,
            "environment": made.environment,
            "task": made.task,
            "payload": json.dumps(json.dumps(made.payload)),
            "createdAt": iso(made.created_ms),
            "ref": None if made.ref in repository.deleted else {"name": made.ref},
            "repository": {"nameWithOwner": repository.full_name, "url": repository.url},
            "statuses": self._statuses(made, None, 20),
        }

    def _statuses(self, made: FakeDeployment, after: str | None, size: int) -> dict[str, Any]:
        return _page(({"state": state.upper(), "createdAt": iso(at)} for state, at in made.statuses), after, size)

    def _all(self) -> Iterable[tuple[FakeRepository, FakeDeployment]]:
        return ((each, made) for each in self.repositories for made in each.deployments)


def _head(repository: FakeRepository) -> dict[str, Any]:
    return {
        "id": repository.node_id,
        "databaseId": repository.id,
        "nameWithOwner": repository.full_name,
        "url": repository.url,
    }


def _page(rows: Iterable[object], after: str | None, size: int) -> dict[str, Any]:
    """A part of a list, with the place at which the next one begins."""
    start, rows = int(after or 0), list(rows)
    end = start + size
    return {
        "nodes": rows[start:end],
        "pageInfo": {"hasNextPage": end < len(rows), "endCursor": str(end) if rows[start:end] else None},
    }
