"""Incidents over the Datadog event API, which calls them failures: create, list, get, delete."""

from codecs import BOM_UTF8

from aiohttp import web
from msgspec.json import Decoder

from dora_exporter.dora.event_log import EventLog
from dora_exporter.dora.records import Deletion
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.runtime.cooperative import in_turns
from dora_exporter.web.api.schema import responses
from dora_exporter.web.api.schema.decode import Parser
from dora_exporter.web.api.schema.events import Intake
from dora_exporter.web.api.schema.requests import LIST_FAILURES, FailureRequest, ListRequest
from dora_exporter.web.api.schema.unknown_attributes import UnknownAttributes
from dora_exporter.web.api.search import selection
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.security.api_keys import Access, Right
from dora_exporter.web.server import request_body
from dora_exporter.web.server.errors import NotFound, as_json
from dora_exporter.web.server.limits import CurrentRules

CREATE = Operation(
    method="POST",
    path="/api/v2/dora/failure",
    summary="Store an incident",
    right=Right.WRITE,
    request=FailureRequest,
    answer=responses.ReferenceAnswer,
    refusals=(400, 503),
)
CREATE_INCIDENT = Operation(
    method="POST",
    path="/api/v2/dora/incident",
    summary="Store an incident: the older name of /api/v2/dora/failure",
    right=Right.WRITE,
    request=FailureRequest,
    answer=responses.ReferenceAnswer,
    refusals=(400, 503),
    is_deprecated=True,
)
LIST = Operation(
    method="POST",
    path="/api/v2/dora/failures",
    summary="List incidents",
    right=Right.READ,
    request=ListRequest,
    answer=responses.FailuresAnswer,
    refusals=(400,),
)
GET = Operation(
    method="GET",
    path="/api/v2/dora/failures/{id}",
    summary="Show an incident",
    right=Right.READ,
    answer=responses.FailureAnswer,
    refusals=(404,),
)
DELETE = Operation(
    method="DELETE",
    path="/api/v2/dora/failure/{id}",
    summary="Delete an incident",
    right=Right.WRITE,
    status=202,
    refusals=(404, 503),
)
OPERATIONS = (CREATE, CREATE_INCIDENT, LIST, GET, DELETE)


def routes(
    *,
    store: EventStore,
    log: EventLog,
    clock: Clock,
    rules: CurrentRules,
    access: Access,
    unknown: UnknownAttributes,
) -> list[web.RouteDef]:
    """The routes of incidents."""
    intake = Intake(store=store, clock=clock, rules=rules)
    created, listed = Parser(Decoder(FailureRequest)), Parser(Decoder(ListRequest))

    async def create(request: web.Request) -> web.Response:
        body = (await request_body.read_within(request, rules())).removeprefix(BOM_UTF8)
        event = intake.incident(created.parse(body).data.attributes)
        unknown.in_failure(body)
        await log.append([event])
        return as_json(responses.ReferenceAnswer(responses.Reference(event.id, responses.FAILURE_TYPE)))

    async def list_(request: web.Request) -> web.Response:
        asked = listed.parse(await request_body.read_within(request, rules()))
        found = await selection.select(store.incidents.values(), selection.selection(asked, LIST_FAILURES))
        return as_json(responses.FailuresAnswer([responses.failure(event) async for event in in_turns(found)]))

    async def get(request: web.Request) -> web.Response:
        event = store.incidents.get(request.match_info["id"])
        if event is None:
            raise NotFound("no failure has this id")
        return as_json(responses.FailureAnswer(responses.failure(event)))

    async def delete(request: web.Request) -> web.Response:
        event = store.incidents.get(request.match_info["id"])
        if event is None:
            raise NotFound("no failure has this id")
        await log.append([Deletion("incident", event.id, clock(), event.source)])
        return web.Response(status=DELETE.status, content_type="application/json")

    return [
        web.post(CREATE.path, access.writes(create)),
        web.post(CREATE_INCIDENT.path, access.writes(create)),
        web.post(LIST.path, access.reads(list_)),
        web.get(GET.path, access.reads(get)),
        web.delete(DELETE.path, access.writes(delete)),
    ]
