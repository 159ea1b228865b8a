"""Verdicts on deployments over the Datadog event API: PATCH by id and by version."""

from typing import Literal

from aiohttp import web
from msgspec.json import Decoder

from dora_exporter.dora.event_log import EventLog
from dora_exporter.dora.events import Deployment, Remediation, Verdict
from dora_exporter.dora.records import Judgement
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.cooperative import in_batches
from dora_exporter.web.api.schema import fields
from dora_exporter.web.api.schema.decode import Parser
from dora_exporter.web.api.schema.requests import (
    PATCH,
    GivenRemediation,
    PatchAttributes,
    PatchRequest,
    VersionPatchAttributes,
    VersionPatchRequest,
)
from dora_exporter.web.api.search import selection
from dora_exporter.web.openapi.operation import Operation
from dora_exporter.web.security.api_keys import Access, Right
from dora_exporter.web.server import request_body
from dora_exporter.web.server.empty_answer import EmptyAnswer
from dora_exporter.web.server.errors import BadAttribute, NotFound, as_json
from dora_exporter.web.server.limits import CurrentRules, Rules

BY_ID, BY_ID_SINGULAR = (
    Operation(
        method="PATCH",
        path=path,
        summary="Set the verdict of a deployment",
        right=Right.WRITE,
        request=PatchRequest,
        status=202,
        answer=EmptyAnswer,
        refusals=(400, 404, 503),
    )
    for path in ("/api/v2/dora/deployments/{id}", "/api/v2/dora/deployment/{id}")
)
BY_VERSION, BY_VERSION_SINGULAR = (
    Operation(
        method="PATCH",
        path=path,
        summary="Set the verdict of the latest deployment of a version",
        right=Right.WRITE,
        request=VersionPatchRequest,
        status=202,
        answer=EmptyAnswer,
        refusals=(400, 404, 503),
    )
    for path in ("/api/v2/dora/deployments", "/api/v2/dora/deployment")
)
_KINDS: dict[str, Literal["rollback", "rollforward"]] = {"rollback": "rollback", "rollforward": "rollforward"}

OPERATIONS = (BY_ID, BY_ID_SINGULAR, BY_VERSION, BY_VERSION_SINGULAR)


def routes(*, store: EventStore, log: EventLog, rules: CurrentRules, access: Access) -> list[web.RouteDef]:
    """The routes of verdicts."""
    patches, version_patches = Parser(Decoder(PatchRequest)), Parser(Decoder(VersionPatchRequest))

    async def judge(request: web.Request) -> web.Response:
        given = patches.parse(await request_body.read_within(request, rules.now)).data
        selection.check_type(given.type, PATCH)
        event_id = request.match_info["id"]
        if given.id != event_id:
            raise BadAttribute("data.id", "must be the id in the path")
        verdict = _verdict(given.attributes)
        if event_id not in store.deployments:
            raise NotFound("no deployment has this id")
        await log.append([Judgement(event_id, verdict)])
        return as_json(EmptyAnswer(), status=BY_ID.status)

    async def judge_version(request: web.Request) -> web.Response:
        given = version_patches.parse(await request_body.read_within(request, rules.now)).data
        selection.check_type(given.type, PATCH)
        verdict = _verdict(given.attributes)
        event = await _last_of_version(store, given.attributes, rules.now)
        await log.append([Judgement(event.id, verdict)])
        return as_json(EmptyAnswer(), status=BY_VERSION.status)

    by_id, by_version = access.writes(judge), access.writes(judge_version)
    return [
        web.patch(BY_ID.path, by_id),
        web.patch(BY_ID_SINGULAR.path, by_id),
        web.patch(BY_VERSION.path, by_version),
        web.patch(BY_VERSION_SINGULAR.path, by_version),
    ]


def _verdict(given: PatchAttributes | VersionPatchAttributes) -> Verdict | None:
    remediation = None if given.remediation is None else _remediation(given.remediation)
    return None if given.change_failure is None else Verdict(given.change_failure, remediation)


def _remediation(given: GivenRemediation) -> Remediation:
    kind = _KINDS.get(given.type or "")
    if kind is None:
        raise BadAttribute("remediation.type", 'must be one of "rollback rollforward"')
    if (given.id is None) == (given.version is None):
        raise BadAttribute("remediation", "must name either an id or a version")
    if given.id is not None:
        return Remediation(kind, id=fields.required(given.id, "remediation.id"))
    return Remediation(kind, version=fields.required(given.version or "", "remediation.version"))


async def _last_of_version(store: EventStore, asked: VersionPatchAttributes, rules: Rules) -> Deployment:
    """The deployment of a service, environment and version that finished last, by the names of sender or catalogue."""
    catalogue = rules.catalogue
    service = fields.label(asked.service, "service")
    environment = fields.optional_label(asked.env, "env") or rules.default_environment
    version = fields.required(asked.version, "version")
    found: list[Deployment] = []
    async for part in in_batches(store.deployments.values()):
        found += [
            each
            for each in part
            if each.version == version
            and service in (each.service, catalogue.service(each.service))
            and environment in (each.environment, catalogue.environment(each.environment))
            and not each.outcome
        ]
    if not found:
        raise NotFound("no deployment of this service, env and version is stored")
    return max(found, key=lambda each: (each.finished_at, each.started_at, each.id))
