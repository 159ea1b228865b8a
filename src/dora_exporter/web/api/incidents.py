"""Incidents over the Datadog event API, which calls them failures: create, list, get, delete."""

from dataclasses import replace

from dora_exporter.web.api.event_endpoints import EventType
from dora_exporter.web.api.schema import responses
from dora_exporter.web.api.schema.decode import UnknownAttributes
from dora_exporter.web.api.schema.events import EventFactory
from dora_exporter.web.api.schema.requests import LIST_FAILURES, FailureRequest, ListRequest
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.security.api_keys import Right

CREATE = Operation(
    method="POST",
    path="/api/v2/dora/failure",
    summary="Store an incident",
    right=Right.WRITE,
    request=FailureRequest,
    answer=responses.ReferenceAnswer,
    refusals=(400, 503),
)
CREATE_INCIDENT = replace(
    CREATE,
    path="/api/v2/dora/incident",
    summary="Store an incident: the older name of /api/v2/dora/failure",
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

INCIDENTS = EventType(
    kind="incident",
    name="failure",
    reference=responses.FAILURE_TYPE,
    list_request=LIST_FAILURES,
    request=FailureRequest,
    creates=(CREATE, CREATE_INCIDENT),
    lists=LIST,
    shows=GET,
    deletes=DELETE,
    held=lambda store: store.incidents,
    make=EventFactory.incident,
    note_unknown=UnknownAttributes.in_failure,
    shown=responses.failure,
    listed=responses.failure,
)
