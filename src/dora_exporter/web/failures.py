"""Incidents over the Datadog event API, which calls them failures: create, list, get, delete."""

from codecs import BOM_UTF8

from aiohttp import web
from msgspec.json import Decoder

from dora_exporter.clock import Clock
from dora_exporter.log import EventLog
from dora_exporter.records import Deletion
from dora_exporter.store import EventStore
from dora_exporter.turns import in_turns
from dora_exporter.web import answers, bodies, listing
from dora_exporter.web.access import Access, Right
from dora_exporter.web.errors import NotFound, as_json
from dora_exporter.web.intake import Intake
from dora_exporter.web.operations import Operation
from dora_exporter.web.parsing import Parser
from dora_exporter.web.rules import CurrentRules
from dora_exporter.web.shapes import LIST_FAILURES, FailureRequest, ListRequest
from dora_exporter.web.unknown_attributes import UnknownAttributes

CREATE = Operation(
    method="POST",
    path="/api/v2/dora/failure",
    summary="Keep an incident",
    right=Right.WRITE,
    request=FailureRequest,
    answer=answers.ReferenceAnswer,
    refusals=(400, 503),
)
CREATE_INCIDENT = Operation(
    method="POST",
    path="/api/v2/dora/incident",
    summary="Keep an incident: the older name of /api/v2/dora/failure",
    right=Right.WRITE,
    request=FailureRequest,
    answer=answers.ReferenceAnswer,
    refusals=(400, 503),
    is_deprecated=True,
)
LIST = Operation(
    method="POST",
    path="/api/v2/dora/failures",
    summary="List incidents",
    right=Right.READ,
    request=ListRequest,
    answer=answers.FailuresAnswer,
    refusals=(400,),
)
GET = Operation(
    method="GET",
    path="/api/v2/dora/failures/{id}",
    summary="Show an incident",
    right=Right.READ,
    answer=answers.FailureAnswer,
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
        body = (await bodies.read_within(request, rules())).removeprefix(BOM_UTF8)
        event = intake.incident(created.parse(body).data.attributes)
        unknown.in_failure(body)
        await log.append([event])
        return as_json(answers.ReferenceAnswer(answers.Reference(event.id, answers.FAILURE_TYPE)))

    async def list_(request: web.Request) -> web.Response:
        asked = listed.parse(await bodies.read_within(request, rules()))
        found = await listing.select(store.incidents.values(), listing.selection(asked, LIST_FAILURES))
        return as_json(answers.FailuresAnswer([answers.failure(event) async for event in in_turns(found)]))

    async def get(request: web.Request) -> web.Response:
        event = store.incidents.get(request.match_info["id"])
        if event is None:
            raise NotFound("no failure has this id")
        return as_json(answers.FailureAnswer(answers.failure(event)))

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
