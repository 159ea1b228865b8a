from typing import Any

import pytest
from tests.web.running import NOW, Api, Json, deployment

from dora_exporter.dora.events import Deployment, Remediation, Verdict
from dora_exporter.dora.records import Judgement

ID = "a-failed-deployment"
TYPE = "dora_deployment_patch_request"
DONE = (202, {"data": None})


def by_id(event_id: str = ID, **attributes: Json) -> dict[str, Any]:
    return {"json": {"data": {"id": event_id, "type": TYPE, "attributes": attributes}}}


def by_version(**attributes: Json) -> dict[str, Any]:
    named = {"service": "checkout", "env": "prod", "version": "7", "change_failure": True}
    return {"json": {"data": {"type": TYPE, "attributes": {**named, **attributes}}}}


@pytest.mark.parametrize("path", [f"/api/v2/dora/deployments/{ID}", f"/api/v2/dora/deployment/{ID}"])
async def test_a_deployment_is_judged_by_its_id(api: Api, path: str) -> None:
    await api.deploy(**deployment(id=ID))
    remediation = {"id": "need-not-exist-00", "type": "rollback"}
    assert await api.send("PATCH", path, **by_id(change_failure=True, remediation=remediation)) == DONE
    assert api.store.deployments[ID].verdict == Verdict(
        change_failure=True, remediation=Remediation("rollback", id="need-not-exist-00")
    )
    _, answer = await api.send("GET", f"/api/v2/dora/deployments/{ID}")
    assert answer["data"]["attributes"]["change_failure"] is True
    assert answer["data"]["attributes"]["remediation"] == remediation


async def test_a_verdict_may_say_that_it_did_not_fail_and_can_be_taken_back(api: Api) -> None:
    await api.deploy(**deployment(id=ID))
    path = f"/api/v2/dora/deployments/{ID}"
    assert await api.send("PATCH", path, **by_id(change_failure=False)) == DONE
    assert api.store.deployments[ID].verdict == Verdict(change_failure=False)
    assert await api.send("PATCH", path, **by_id(change_failure=None)) == DONE
    assert api.store.deployments[ID].verdict is None
    assert api.log.records[1:] == [Judgement(ID, Verdict(change_failure=False)), Judgement(ID)]


@pytest.mark.parametrize("path", ["/api/v2/dora/deployments", "/api/v2/dora/deployment"])
async def test_by_version_the_one_that_finished_last_is_judged(api: Api, path: str) -> None:
    for event in (
        Deployment("first", "checkout", "prod", NOW - 9, NOW - 5, version="7"),
        Deployment("last", "checkout", "prod", NOW - 9, NOW - 2, version="7"),
        Deployment("attempt", "checkout", "prod", NOW - 9, NOW - 1, version="7", outcome="failed"),
        Deployment("middle", "checkout", "prod", NOW - 9, NOW - 3, version="7"),
        Deployment("other version", "checkout", "prod", NOW - 9, NOW, version="8"),
        Deployment("other environment", "checkout", "stage", NOW - 9, NOW, version="7"),
        Deployment("other service", "cart", "prod", NOW - 9, NOW, version="7"),
    ):
        api.store.apply(event)
    remediation = {"version": "8", "type": "rollforward"}
    assert await api.send("PATCH", path, **by_version(remediation=remediation)) == DONE
    judged = {name: event.verdict for name, event in api.store.deployments.items() if event.verdict is not None}
    assert judged == {"last": Verdict(change_failure=True, remediation=Remediation("rollforward", version="8"))}


async def test_an_empty_environment_is_the_default_one(api: Api) -> None:
    await api.deploy(**deployment(id=ID, version="7"))
    assert await api.send("PATCH", "/api/v2/dora/deployments", **by_version(env="")) == DONE


@pytest.mark.parametrize(
    ("attributes", "detail"),
    [
        ({}, 'attribute "change_failure" is required'),
        (
            {"change_failure": "true"},
            'error decoding attribute "change_failure": invalid type string, expected bool or null',
        ),
        (
            {"change_failure": True, "remediation": {"id": "x"}},
            'attribute "remediation.type" must be one of "rollback rollforward"',
        ),
        (
            {"change_failure": True, "remediation": {"id": "x", "type": "hotfix"}},
            'attribute "remediation.type" must be one of "rollback rollforward"',
        ),
        (
            {"change_failure": True, "remediation": {"type": "rollback"}},
            'attribute "remediation" must name either an id or a version',
        ),
        (
            {"change_failure": True, "remediation": {"type": "rollback", "id": "x", "version": "7"}},
            'attribute "remediation" must name either an id or a version',
        ),
        (
            {"change_failure": None, "remediation": {"type": "rollback", "id": ""}},
            'attribute "remediation.id" must not be empty',
        ),
        (
            {"change_failure": True, "remediation": {"type": "rollback", "version": ""}},
            'attribute "remediation.version" must not be empty',
        ),
    ],
)
async def test_what_is_wrong_is_named(api: Api, attributes: dict[str, Any], detail: str) -> None:
    await api.deploy(**deployment(id=ID))
    problem = {"errors": [{"status": "400", "title": "Bad Request", "detail": detail}]}
    assert await api.send("PATCH", f"/api/v2/dora/deployments/{ID}", **by_id(**attributes)) == (400, problem)
    assert api.store.deployments[ID].verdict is None


@pytest.mark.parametrize("name", ["service", "env", "version", "change_failure"])
async def test_a_patch_by_version_needs_all_that_names_the_deployment(api: Api, name: str) -> None:
    options = by_version()
    del options["json"]["data"]["attributes"][name]
    status, answer = await api.send("PATCH", "/api/v2/dora/deployments", **options)
    assert (status, answer["errors"][0]["detail"]) == (400, f'attribute "{name}" is required')


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        ({"type": TYPE, "attributes": {"change_failure": True}}, 'attribute "id" is required'),
        ({"id": ID, "attributes": {"change_failure": True}}, 'attribute "type" is required'),
        ({"id": ID, "type": TYPE}, 'attribute "attributes" is required'),
        (
            {"id": "another", "type": TYPE, "attributes": {"change_failure": True}},
            'attribute "data.id" must be the id in the path',
        ),
        ({"id": ID, "type": "x", "attributes": {"change_failure": True}}, f'got type "x" expected one of "{TYPE}"'),
    ],
)
async def test_the_frame_of_a_patch_must_be_right(api: Api, data: dict[str, Any], detail: str) -> None:
    await api.deploy(**deployment(id=ID))
    status, answer = await api.send("PATCH", f"/api/v2/dora/deployments/{ID}", json={"data": data})
    assert (status, answer["errors"][0]["detail"]) == (400, detail)


async def test_nobody_judges_what_is_not_held(api: Api) -> None:
    assert (await api.send("PATCH", f"/api/v2/dora/deployments/{ID}", **by_id(change_failure=True)))[0] == 404
    assert (await api.send("PATCH", "/api/v2/dora/deployments", **by_version()))[0] == 404
    assert api.log.records == []


async def test_a_verdict_that_cannot_be_made_durable_is_503(api: Api) -> None:
    await api.deploy(**deployment(id=ID))
    api.log.reason = "the disk is full"
    assert (await api.send("PATCH", f"/api/v2/dora/deployments/{ID}", **by_id(change_failure=True)))[0] == 503
