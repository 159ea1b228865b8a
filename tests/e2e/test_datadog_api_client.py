"""Datadog's own Python client writes, reads, changes and deletes events."""

from collections.abc import Iterator

import pytest
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ApiException, NotFoundException
from datadog_api_client.v2 import models
from datadog_api_client.v2.api.dora_metrics_api import DORAMetricsApi
from tests.e2e.daemon import RunningDaemon

from dora_exporter.runtime.clock import system_clock

pytestmark = pytest.mark.e2e

FACTS = {
    "service": "checkout",
    "env": "production",
    "version": "v1",
    "team": "crew",
    "custom_tags": ["department:engineering"],
}
SERIES = {"service": "checkout", "environment": "production"}
SHA = "a" * 40


@pytest.fixture
def client(running: RunningDaemon) -> Iterator[DORAMetricsApi]:
    """The client, pointed at a daemon."""
    configuration = Configuration(host=running.url)
    configuration.api_key.update(apiKeyAuth="key", appKeyAuth="application-key")
    with ApiClient(configuration) as connection:
        yield DORAMetricsApi(connection)


def deployment(finished_at: int, **changes: object) -> models.DORADeploymentRequest:
    git = models.DORAGitInfo(commit_sha=SHA, repository_url="git@git.example:shop/checkout.git")
    facts = {**FACTS, "started_at": finished_at - 60_000, "finished_at": finished_at, "git": git, **changes}
    attributes = models.DORADeploymentRequestAttributes(**facts)
    return models.DORADeploymentRequest(data=models.DORADeploymentRequestData(attributes=attributes))


def failure(started_at: int, **changes: object) -> models.DORAFailureRequest:
    facts = {"services": ["checkout"], "env": "production", "started_at": started_at, "severity": "SEV-1", **changes}
    attributes = models.DORAFailureRequestAttributes(**facts)
    return models.DORAFailureRequest(data=models.DORAFailureRequestData(attributes=attributes))


def test_a_deployment_is_created_read_listed_judged_and_deleted(client: DORAMetricsApi, running: RunningDaemon) -> None:
    finished_at = system_clock() - 3_600_000
    created = client.create_dora_deployment(deployment(finished_at)).data
    assert str(created.type) == "dora_deployment"

    held = client.get_dora_deployment(created.id).data.attributes
    assert {name: held[name] for name in FACTS} == FACTS
    assert held.git.to_dict() == {"commit_sha": SHA, "repository_id": "git.example/shop/checkout"}
    assert held.finished_at.timestamp() == finished_at / 1000

    request = models.DORAListDeploymentsRequest(
        data=models.DORAListDeploymentsRequestData(
            type=models.DORAListDeploymentsRequestDataType("dora_deployments_list_request"),
            attributes=models.DORAListDeploymentsRequestAttributes(query="service:(checkout OR cart) env:prod*"),
        )
    )
    assert [each.id for each in client.list_dora_deployments(request).data] == [created.id]

    client.patch_dora_deployment(created.id, _judgement(created.id))
    assert running.sample("dora_failed_deployments", **SERIES, window="30d") == 1

    client.delete_dora_deployment(created.id)
    assert running.sample("dora_failed_deployments", **SERIES, window="30d") is None
    with pytest.raises(NotFoundException):
        client.get_dora_deployment(created.id)


def test_a_failure_begins_is_listed_ends_and_is_deleted(client: DORAMetricsApi, running: RunningDaemon) -> None:
    began = system_clock() - 7_200_000
    created = client.create_dora_failure(failure(began)).data
    assert str(created.type) == "dora_failure"
    assert running.sample("dora_open_incidents", **SERIES) == 1

    ended = client.create_dora_failure(failure(began, finished_at=began + 90_000)).data
    assert ended.id == created.id
    assert running.sample("dora_open_incidents", **SERIES) == 0
    assert running.sample("dora_time_to_restore_seconds", **SERIES, window="30d", statistic="mean") == 90

    request = models.DORAListFailuresRequest(
        data=models.DORAListFailuresRequestData(
            type=models.DORAListFailuresRequestDataType("dora_failures_list_request"),
            attributes=models.DORAListFailuresRequestAttributes(limit=1000, sort="-started_at"),
        )
    )
    listed = client.list_dora_failures(request).data
    assert [(each.id, each.attributes.severity, each.attributes.services) for each in listed] == [
        (created.id, "SEV-1", ["checkout"])
    ]
    client.delete_dora_failure(created.id)
    assert client.list_dora_failures(request).data == []


def test_a_version_is_judged_without_knowing_the_deployments_id(client: DORAMetricsApi, running: RunningDaemon) -> None:
    client.create_dora_deployment(deployment(system_clock() - 3_600_000))
    attributes = models.DORADeploymentPatchByVersionRequestAttributes(
        service="checkout", env="production", version="v1", change_failure=True
    )
    request = models.DORADeploymentPatchByVersionRequest(
        data=models.DORADeploymentPatchByVersionRequestData(
            type=models.DORADeploymentPatchRequestDataType("dora_deployment_patch_request"), attributes=attributes
        )
    )
    client.patch_dora_deployment_by_version(request)
    assert running.sample("dora_change_failure_rate", **SERIES, window="30d") == 1


def test_bad_input_is_an_api_exception_that_names_the_field(client: DORAMetricsApi) -> None:
    with pytest.raises(ApiException) as refused:
        client.create_dora_deployment(deployment(system_clock(), service=""))
    assert refused.value.status == 400
    assert "service" in refused.value.body["errors"][0]["detail"]


def _judgement(deployment_id: str) -> models.DORADeploymentPatchRequest:
    return models.DORADeploymentPatchRequest(
        data=models.DORADeploymentPatchRequestData(
            id=deployment_id,
            type=models.DORADeploymentPatchRequestDataType("dora_deployment_patch_request"),
            attributes=models.DORADeploymentPatchRequestAttributes(change_failure=True),
        )
    )
