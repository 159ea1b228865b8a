"""Deployments over the Datadog event API: create, list, get, delete."""

from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import web
from msgspec.json import Decoder

from dora_exporter.dora.event_log import EventLog
from dora_exporter.dora.events import Deployment, Event
from dora_exporter.dora.records import Deletion
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.cooperative import Turn, in_turns
from dora_exporter.web.api.schema import responses
from dora_exporter.web.api.schema.decode import Parser
from dora_exporter.web.api.schema.events import Intake
from dora_exporter.web.api.schema.requests import LIST_DEPLOYMENTS, DeploymentRequest, ListRequest
from dora_exporter.web.api.schema.unknown_attributes import UnknownAttributes
from dora_exporter.web.api.search import selection as listing
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.security.api_keys import Access, Right
from dora_exporter.web.server import request_body
from dora_exporter.web.server.errors import NotFound, as_json
from dora_exporter.web.server.limits import CurrentRules

CREATE = Operation(
    method="POST",
    path="/api/v2/dora/deployment",
    summary="Store a deployment",
    right=Right.WRITE,
    request=DeploymentRequest,
    answer=responses.ReferenceAnswer,
    refusals=(400, 503),
)
LIST = Operation(
    method="POST",
    path="/api/v2/dora/deployments",
    summary="List deployments",
    right=Right.READ,
    request=ListRequest,
    answer=responses.DeploymentsAnswer,
    refusals=(400,),
)
GET = Operation(
    method="GET",
    path="/api/v2/dora/deployments/{id}",
    summary="Show a deployment with its commits",
    right=Right.READ,
    answer=responses.DeploymentAnswer,
    refusals=(404,),
)
DELETE = Operation(
    method="DELETE",
    path="/api/v2/dora/deployment/{id}",
    summary="Delete a deployment and everything derived from it",
    right=Right.WRITE,
    status=202,
    refusals=(404, 503),
)
OPERATIONS = (CREATE, LIST, GET, DELETE)

Superseded = Callable[[], Awaitable[Callable[[Deployment], bool]]]
"""Gives what tells whether another report of a deployment counts in its place now."""


async def none_superseded() -> Callable[[Deployment], bool]:
    """Where every report counts."""
    return lambda _: False


def routes(
    *,
    store: EventStore,
    log: EventLog,
    clock: Clock,
    rules: CurrentRules,
    access: Access,
    superseded: Superseded,
    unknown: UnknownAttributes,
) -> list[web.RouteDef]:
    """The routes of deployments. Lists leave out those that are superseded by another report of the same one."""
    intake = Intake(store=store, clock=clock, rules=rules)
    created, listed = Parser(Decoder(DeploymentRequest)), Parser(Decoder(ListRequest))

    async def create(request: web.Request) -> web.Response:
        body = (await request_body.read_within(request, rules())).removeprefix(BOM_UTF8)
        event = intake.deployment(created.parse(body).data.attributes)
        unknown.in_deployment(body)
        await log.append([event])
        return as_json(responses.ReferenceAnswer(responses.Reference(event.id, responses.DEPLOYMENT_TYPE)))

    async def list_(request: web.Request) -> web.Response:
        asked = listed.parse(await request_body.read_within(request, rules()))
        selection = listing.selection(asked, LIST_DEPLOYMENTS)
        is_superseded = await superseded()

        async def matches(event: Event, turn: Turn) -> bool:
            is_counted = not (isinstance(event, Deployment) and is_superseded(event))
            return is_counted and await selection.matches(event, turn)

        found = await listing.select(store.deployments.values(), replace(selection, matches=matches))
        return as_json(responses.DeploymentsAnswer([responses.deployment(event) async for event in in_turns(found)]))

    async def get(request: web.Request) -> web.Response:
        event = store.deployments.get(request.match_info["id"])
        if event is None:
            raise NotFound("no deployment has this id")
        return as_json(responses.DeploymentAnswer(responses.deployment(event, with_commits=True)))

    async def delete(request: web.Request) -> web.Response:
        event = store.deployments.get(request.match_info["id"])
        if event is None:
            raise NotFound("no deployment has this id")
        await log.append([Deletion("deployment", event.id, clock(), event.source)])
        return web.Response(status=DELETE.status, content_type="application/json")

    return [
        web.post(CREATE.path, access.writes(create)),
        web.post(LIST.path, access.reads(list_)),
        web.get(GET.path, access.reads(get)),
        web.delete(DELETE.path, access.writes(delete)),
    ]
