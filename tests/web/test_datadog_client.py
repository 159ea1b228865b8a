"""The real ``datadog-api-client`` talks to the API over a real socket."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import datadog_api_client
import pytest
from datadog_api_client import model_utils
from datadog_api_client.exceptions import ApiException
from datadog_api_client.v2.api import dora_metrics_api
from datadog_api_client.v2.model.dora_deployment_patch_by_version_request import DORADeploymentPatchByVersionRequest
from datadog_api_client.v2.model.dora_deployment_patch_request import DORADeploymentPatchRequest
from datadog_api_client.v2.model.dora_deployment_request import DORADeploymentRequest
from datadog_api_client.v2.model.dora_failure_request import DORAFailureRequest
from datadog_api_client.v2.model.dora_list_deployments_request import DORAListDeploymentsRequest
from datadog_api_client.v2.model.dora_list_failures_request import DORAListFailuresRequest
from tests.web.conftest import MakeApi
from tests.web.running import NOW, SHA, Api, Json, deployment, incident

from dora_exporter.dora.events import Deployment, Incident, Verdict

Call = Callable[[Json], Json]
CLIENT: Json = datadog_api_client  # it has no types
MODELS: Json = model_utils
API: Json = dora_metrics_api
GIT = {"commit_sha": SHA, "repository_url": "https://github.com/acme/shop"}


async def ask(api: Api, call: Call, key: str = "writer") -> Json:
    """What the client makes of the answer; it runs in a thread, because it blocks."""

    def run() -> Json:
        configuration = CLIENT.Configuration(host=f"http://127.0.0.1:{api.port}")
        configuration.api_key.update({"apiKeyAuth": key, "appKeyAuth": key})
        with CLIENT.ApiClient(configuration) as client:
            return call(API.DORAMetricsApi(client))

    return await asyncio.to_thread(run)


def request(shape: Callable[..., Any], attributes: dict[str, Any], **more: Json) -> Json:
    """A request as the client's own models make it from plain data."""
    return MODELS.validate_and_convert_types(
        {"data": {"attributes": attributes, **more}},
        (shape,),
        ["body"],
        spec_property_naming=False,
        check_type=True,
        configuration=CLIENT.Configuration(),
    )


def assert_all_parsed(answer: Json) -> None:
    assert not answer._unparsed
    for each in answer.data if isinstance(answer.data, list) else [answer.data]:
        assert not each._unparsed


@pytest.fixture
async def closed(make_api: MakeApi) -> Api:
    return await make_api(api_keys=["writer"])


async def test_a_deployment_goes_round(closed: Api) -> None:
    given = deployment(id="a-client-deployment", env="prod", version="7", team="web", custom_tags=["a:b"], git=GIT)
    body = request(DORADeploymentRequest, given)
    created = await ask(closed, lambda dora: dora.create_dora_deployment(body))
    assert_all_parsed(created)
    assert created.data.id == "a-client-deployment"
    shown = await ask(closed, lambda dora: dora.get_dora_deployment("a-client-deployment"))
    assert_all_parsed(shown)
    attributes = shown.data.attributes
    assert attributes.started_at == datetime.fromtimestamp(NOW // 1000 - 60, UTC)
    assert (attributes.service, attributes.env, attributes.version, attributes.team) == ("checkout", "prod", "7", "web")
    assert attributes.git.repository_id == "github.com/acme/shop"
    assert attributes.git.commit_sha == SHA
    assert attributes.custom_tags == ["a:b"]


async def test_a_failure_goes_round(closed: Api) -> None:
    given = incident(id="a-client-incident", env="prod", name="it broke", severity="High", finished_at=NOW, git=GIT)
    body = request(DORAFailureRequest, given)
    assert_all_parsed(await ask(closed, lambda dora: dora.create_dora_failure(body)))
    with pytest.deprecated_call():
        assert_all_parsed(await ask(closed, lambda dora: dora.create_dora_incident(body)))
    shown = await ask(closed, lambda dora: dora.get_dora_failure("a-client-incident"))
    assert_all_parsed(shown)
    attributes = shown.data.attributes
    assert attributes.finished_at == datetime.fromtimestamp(NOW // 1000, UTC)
    assert (attributes.services, attributes.env, attributes.severity) == (["checkout"], "prod", "High")
    assert attributes.git.repository_url == "https://github.com/acme/shop"


async def test_lists_are_parsed_with_whatever_is_known_and_unknown(closed: Api) -> None:
    closed.store.apply(Deployment("apm:1", "web", "prod", NOW, NOW, source="apm", commit_sha=SHA))
    closed.store.apply(Deployment("apm:2", "web", "prod", NOW, NOW + 1, source="apm", repository="github.com/a/b"))
    closed.store.apply(Incident("pagerduty:1", (), "prod", NOW, team="shop", source="pagerduty", commit_sha=SHA))
    asked: dict[str, Any] = {"query": "env:prod", "limit": 5, "_from": datetime.fromtimestamp(0, UTC)}
    body = request(DORAListDeploymentsRequest, {**asked, "sort": "started_at"}, type="dora_deployments_list_request")
    deployments = await ask(closed, lambda dora: dora.list_dora_deployments(body))
    assert_all_parsed(deployments)
    assert [each.id for each in deployments.data] == ["apm:1", "apm:2"]
    body = request(DORAListFailuresRequest, asked, type="dora_failures_list_request")
    failures = await ask(closed, lambda dora: dora.list_dora_failures(body))
    assert_all_parsed(failures)
    assert [each.attributes.team for each in failures.data] == ["shop"]


async def test_a_deployment_is_judged_and_deleted(closed: Api) -> None:
    await ask(
        closed,
        lambda dora: dora.create_dora_deployment(
            request(DORADeploymentRequest, deployment(version="7", env="prod", id="a-client-deployment"))
        ),
    )
    verdict = {"change_failure": True, "remediation": {"id": "another-deployment", "type": "rollback"}}
    patch = request(DORADeploymentPatchRequest, verdict, id="a-client-deployment", type="dora_deployment_patch_request")
    await ask(closed, lambda dora: dora.patch_dora_deployment("a-client-deployment", patch))
    assert closed.store.deployments["a-client-deployment"].verdict is not None
    named = {"service": "checkout", "env": "prod", "version": "7", "change_failure": False}
    by_version = request(DORADeploymentPatchByVersionRequest, named, type="dora_deployment_patch_request")
    await ask(closed, lambda dora: dora.patch_dora_deployment_by_version(by_version))
    assert closed.store.deployments["a-client-deployment"].verdict == Verdict(change_failure=False)
    shown = await ask(closed, lambda dora: dora.get_dora_deployment("a-client-deployment"))
    assert_all_parsed(shown)
    await ask(closed, lambda dora: dora.delete_dora_deployment("a-client-deployment"))
    assert closed.store.deployments == {}


async def test_refusals_reach_the_client_as_json(closed: Api) -> None:
    async def refusal(call: Call, key: str = "writer") -> tuple[int, Any]:
        with pytest.raises(ApiException) as caught:
            await ask(closed, call, key)
        return caught.value.status, caught.value.body

    body = request(DORADeploymentRequest, deployment())
    assert await refusal(lambda dora: dora.create_dora_deployment(body), "wrong") == (403, {"errors": ["Forbidden"]})
    assert (await refusal(lambda dora: dora.get_dora_deployment("of/nobody")))[0] == 404
    late = request(DORADeploymentRequest, deployment(finished_at=1))
    status, answer = await refusal(lambda dora: dora.create_dora_deployment(late))
    assert (status, answer["errors"][0]["title"]) == (400, "Bad Request")
    closed.log.reason = "the disk is full"
    assert (await refusal(lambda dora: dora.create_dora_deployment(body)))[0] == 503
