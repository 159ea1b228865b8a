"""Deployments over the Datadog event API: create, list, get, delete."""

from functools import partial

from dora_exporter.web.api.event_endpoints import EventType
from dora_exporter.web.api.schema import responses
from dora_exporter.web.api.schema.decode import UnknownAttributes
from dora_exporter.web.api.schema.events import EventFactory
from dora_exporter.web.api.schema.requests import LIST_DEPLOYMENTS, DeploymentRequest, ListRequest
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.security.api_keys import Right

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

DEPLOYMENTS = EventType(
    kind="deployment",
    name="deployment",
    reference=responses.DEPLOYMENT_TYPE,
    list_request=LIST_DEPLOYMENTS,
    request=DeploymentRequest,
    creates=(CREATE,),
    lists=LIST,
    shows=GET,
    deletes=DELETE,
    held=lambda store: store.deployments,
    make=EventFactory.deployment,
    note_unknown=UnknownAttributes.in_deployment,
    shown=partial(responses.deployment, with_commits=True),
    listed=responses.deployment,
)
