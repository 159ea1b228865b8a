"""``datadog-ci deployment correlate-image`` and ``correlate`` as requests."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.builders import deployment
from tests.web.conftest import MakeApi
from tests.web.running import NOW, SHA, Api

from dora_exporter.dora.correlations import told_of

IMAGE_PATH = "/api/v2/ci/deployments/correlate-image"
COMMITS_PATH = "/api/v2/ci/deployments/correlate"
DIGEST = "sha256:" + "ab" * 32
IMAGE = {
    "commit_sha": SHA,
    "repository_url": "https://user:hunter2@git.example/shop.git",
    "image": "r.example:5000/shop:1",
}
COMMITS = {
    "ci_provider": "github",
    "cd_provider": "argocd",
    "config_repo_url": "git@git.example:acme/config.git",
    "config_commit_shas": ["c" * 40, "D" * 40],
    "ci_env": {"git.repository_url": "https://git.example/shop.git", "git.commit.sha": SHA, "ci.pipeline.id": "5"},
}


def body(kind: str, attributes: object) -> dict[str, Any]:
    return {"data": {"type": kind, "attributes": attributes}}


def commit_of(api: Api, **upstream: object) -> tuple[str | None, str | None]:
    told = told_of(deployment(upstream=upstream), api.store.cursors)
    return (None, None) if told is None else (told.repository, told.commit_sha)


async def test_the_commit_of_an_image_is_stored_before_it_is_answered(api: Api) -> None:
    sent = body("ci_deployment_correlate_image", IMAGE | {"ci_env": {"ci.provider.name": "github"}})
    assert await api.send("POST", IMAGE_PATH, json=sent) == (200, {"data": None})
    assert commit_of(api, images=["r.example:5000/shop:1"]) == ("git.example/shop", SHA)
    assert "hunter2" not in str(api.log.records)
    assert api.log.groups == [1]

    both = IMAGE | {"image": f"r.example/cart:2@{DIGEST}"}
    assert (await api.send("POST", IMAGE_PATH, json=body("", both)))[0] == 200
    assert commit_of(api, images=[f"mirror.example/cart@{DIGEST}"]) == ("git.example/shop", SHA)
    assert {each["at"] for each in api.store.cursors.values()} == {NOW}


async def test_the_commit_of_a_configuration_is_stored(api: Api) -> None:
    assert (await api.send("POST", COMMITS_PATH, json=body("ci_app_deployment_correlate", COMMITS)))[0] == 200
    for sha in ("c" * 40, "d" * 40):
        assert commit_of(api, configuration=[sha]) == ("git.example/shop", SHA)
    assert commit_of(api, configuration=["e" * 40]) == (None, None)


@pytest.mark.parametrize(
    ("path", "attributes", "reason"),
    [
        (IMAGE_PATH, IMAGE | {"image": ""}, '"image"'),
        (IMAGE_PATH, IMAGE | {"image": "not an image"}, '"image"'),
        (IMAGE_PATH, IMAGE | {"image": None}, '"image"'),
        (IMAGE_PATH, IMAGE | {"commit_sha": "abc"}, '"commit_sha"'),
        (IMAGE_PATH, IMAGE | {"repository_url": "https://"}, '"repository_url"'),
        (IMAGE_PATH, {}, "is required"),
        (COMMITS_PATH, COMMITS | {"config_commit_shas": []}, '"config_commit_shas"'),
        (COMMITS_PATH, COMMITS | {"config_commit_shas": ["c" * 40] * 101}, '"config_commit_shas"'),
        (COMMITS_PATH, COMMITS | {"config_commit_shas": ["main"]}, '"config_commit_shas"'),
        (COMMITS_PATH, COMMITS | {"config_repo_url": ""}, '"config_repo_url"'),
        (COMMITS_PATH, COMMITS | {"ci_env": {}}, "git.repository_url"),
        (
            COMMITS_PATH,
            COMMITS | {"ci_env": {"git.repository_url": "https://git.example/shop.git", "git.commit.sha": "x"}},
            "git.commit.sha",
        ),
    ],
)
async def test_what_is_wrong_is_named(api: Api, path: str, attributes: dict[str, Any], reason: str) -> None:
    status, answer = await api.send("POST", path, json=body("", attributes))
    assert status == 400
    assert reason in str(answer).replace("\\", "")
    assert api.log.records == []


@pytest.mark.parametrize("path", [IMAGE_PATH, COMMITS_PATH])
async def test_keys_methods_and_a_full_disk_are_answered_as_elsewhere(make_api: MakeApi, path: str) -> None:
    api = await make_api(api_keys=["write"], read_keys=["read"])
    sent = body("", IMAGE if path == IMAGE_PATH else COMMITS)
    for key in ("read", "wrong"):
        assert (await api.send("POST", path, json=sent, headers={"DD-API-KEY": key}))[0] == 403
    assert (await api.send("POST", path, data=b"{}", headers={"DD-API-KEY": "write"}))[0] == 400
    assert (await api.send("GET", path, headers={"DD-API-KEY": "write"}))[0] == 400
    api.log.reason = "the disk is full"
    assert (await api.send("POST", path, json=sent, headers={"DD-API-KEY": "write"}))[0] == 503


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_names = st.sampled_from([*IMAGE, *COMMITS])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(st.sampled_from([IMAGE_PATH, COMMITS_PATH]), st.dictionaries(_names, _json | st.text()) | _json)
async def test_anything_is_stored_or_refused(api: Api, path: str, changes: object) -> None:
    attributes = {**IMAGE, **COMMITS, **changes} if isinstance(changes, dict) else changes
    status, _ = await api.send("POST", path, data=json.dumps(body("", attributes)).encode())
    assert status in (200, 400)
