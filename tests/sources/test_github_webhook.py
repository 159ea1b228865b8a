"""GitHub's webhooks: who may send them, and what becomes of what they say, by deliveries that GitHub made."""

import json
from itertools import permutations
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.builders import fields
from tests.sources.github_daemon import SECRET, a_daemon, recorded, signed

from dora_exporter.runtime.timestamps import iso

SHA = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"
SUCCEEDED_AT = "2019-05-15T15:20:55Z"
WORKFLOW = {"path": ".github/workflows/test.yml", "branches": ["master"]}


def status(state: str, at: str = SUCCEEDED_AT, **of_deployment: object) -> dict[str, Any]:
    """The recorded delivery of a status, with another state and time, and changes in its deployment."""
    body = recorded("deployment_status")
    body["deployment_status"] |= {"state": state, "created_at": at}
    body["deployment"] |= of_deployment
    return body


async def test_a_successful_deployment_is_an_event() -> None:
    async with a_daemon() as daemon:
        assert await daemon.push("deployment_status", recorded("deployment_status")) == 200

        (event,) = daemon.deployments
        assert (event.id, event.service, event.environment, event.source) == (
            "gh:145988746",
            "Hello-World",
            "production",
            "gh",
        )
        assert (event.commit_sha, event.repository) == (SHA, "github.com/Codertocat/Hello-World")
        assert (iso(event.started_at), iso(event.finished_at)) == ("2019-05-15T15:20:53Z", SUCCEEDED_AT)
        assert daemon.told == [("deployment_status", "1 created", "")]


async def test_statuses_in_any_order_and_each_three_times_are_one_event() -> None:
    bodies = [
        status("queued", "2019-05-15T15:20:53Z"),
        status("in_progress", "2019-05-15T15:20:54Z"),
        status("success"),
        status("inactive", "2019-05-16T15:20:55Z"),
    ]
    found = []
    for order in permutations(bodies):
        async with a_daemon() as daemon:
            for body in order:
                for _ in range(3):
                    assert await daemon.push("deployment_status", body) == 200
            found.append([fields(each) for each in daemon.deployments])
            assert [iso(each.started_at) for each in daemon.deployments] == ["2019-05-15T15:20:54Z"]
    assert all(each == found[0] for each in found)


async def test_when_a_deployment_began_outlives_a_restart() -> None:
    async with a_daemon() as daemon:
        await daemon.push("deployment_status", status("in_progress", "2019-05-15T15:20:54Z"))
        await daemon.start()
        await daemon.push("deployment_status", status("success"))
        assert [iso(each.started_at) for each in daemon.deployments] == ["2019-05-15T15:20:54Z"]


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("release", {"triggers": ["release"]}, ("0.0.1", None, "2019-05-15T15:20:53Z")),
        (
            "workflow_run",
            {"triggers": ["workflow_run"], "workflows": [WORKFLOW]},
            (None, "3484a3fb816e0859fd6e1cea078d76385ff50625", "2020-10-05T16:33:49Z"),
        ),
        ("push", {"triggers": ["tag"]}, ("simple-tag", "6113728f27ae82c7b1a177c8d03f9e96e0adf246", SUCCEEDED_AT)),
    ],
)
async def test_other_triggers_are_asked_for(kind: str, changes: dict[str, Any], expected: tuple[Any, ...]) -> None:
    async with a_daemon() as daemon:
        assert await daemon.push(kind, recorded(kind)) == 200
        assert daemon.deployments == []
        assert daemon.told[0][1:] == ("ignored", "left out by the settings")

        await daemon.start(environment="production", **changes)
        for _ in range(3):
            assert await daemon.push(kind, recorded(kind)) == 200
        (event,) = daemon.deployments
        assert event.environment == "production"
        assert (event.version, event.commit_sha, iso(event.finished_at)) == (
            *expected[:2],
            "2019-05-15T15:20:57Z" if kind == "push" else expected[2],
        )


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("ping", "a test delivery"),
        ("deployment", "no deployment or incident in a state that counts"),
        ("deployment_status_in_progress", "no deployment or incident in a state that counts"),
        ("issues", "an event that the source has no use for"),
    ],
)
async def test_what_is_no_deployment_is_ignored_by_reason(kind: str, reason: str) -> None:
    async with a_daemon() as daemon:
        body = recorded("deployment" if kind == "issues" else kind)
        assert await daemon.push(kind.removesuffix("_in_progress"), body) == 200
        assert daemon.told[0][1:] == ("ignored", reason)
        assert daemon.deployments == []


@pytest.mark.parametrize(
    "settings",
    [
        {"organizations": ["acme"]},
        {"repositories": ["codertocat/other-*"]},
        {"exclude_repositories": ["hello-*"]},
        {"environments": ["staging", "review/*"]},
        {"tasks": ["deploy:migrations"]},
        {"refs": ["release-*"]},
    ],
)
async def test_filters_leave_out(settings: dict[str, Any]) -> None:
    async with a_daemon(**settings) as daemon:
        assert await daemon.push("deployment_status", status("success")) == 200
        assert daemon.told[0][1:] == ("ignored", "left out by the settings")
        assert daemon.deployments == []


@pytest.mark.parametrize(
    "settings",
    [
        {"organizations": ["codertocat"], "repositories": ["hello-*"]},
        {"repositories": ["Codertocat/*"], "exclude_repositories": ["Codertocat/old-*"]},
        {"environments": ["prod*"], "tasks": ["deploy"], "refs": ["main", "master"], "transient": False},
    ],
)
async def test_filters_let_through(settings: dict[str, Any]) -> None:
    async with a_daemon(**settings) as daemon:
        await daemon.push("deployment_status", status("success"))
        assert len(daemon.deployments) == 1


@pytest.mark.parametrize("name", ["review/feature/1", "production 🚀", "prod\N{ZERO WIDTH JOINER}eu", '{"a": "b"}'])
async def test_an_environment_may_be_called_anything(name: str) -> None:
    async with a_daemon() as daemon:
        for _ in range(2):
            assert await daemon.push("deployment_status", status("success", environment=name)) == 200
        assert [each.environment for each in daemon.deployments] == [name]


async def test_environments_that_come_and_go_can_be_left_out() -> None:
    async with a_daemon(transient=False) as daemon:
        await daemon.push("deployment_status", status("success", transient_environment=True))
        assert daemon.deployments == []


@pytest.mark.parametrize("payload", [{"service": "search"}, '{"service": "search"}', '"{\\"service\\": \\"search\\"}"'])
async def test_the_creator_of_a_deployment_names_its_service(payload: object) -> None:
    async with a_daemon(services=[{"service": "other"}]) as daemon:
        await daemon.push("deployment_status", status("success", payload=payload))
        assert [each.service for each in daemon.deployments] == ["search"]


@pytest.mark.parametrize("payload", [None, "", "text", [], {"service": None}, {"service": {"a": [1]}}, 7, "[" * 5000])
async def test_a_payload_that_names_no_service_is_none(payload: object) -> None:
    async with a_daemon() as daemon:
        assert await daemon.push("deployment_status", status("success", payload=payload)) == 200
        assert [each.service for each in daemon.deployments] == ["Hello-World"]


@pytest.mark.parametrize(
    ("rule", "environment", "expected"),
    [
        ({"environment": "prod-(?P<service>.+)", "set_environment": "prod"}, "prod-search", ("search", "prod", None)),
        ({"environment": "prod-(?P<service>.+)"}, "production", ("Hello-World", "production", None)),
        ({"repository": "*/hello-*", "service": "web", "team": "shop"}, "production", ("web", "production", "shop")),
        ({"task": "deploy", "service": "web"}, "production", ("web", "production", None)),
        ({"task": "migrate", "service": "web"}, "review/\N{ROCKET}", ("Hello-World", "review/\N{ROCKET}", None)),
    ],
)
async def test_the_table_names_services(rule: dict[str, str], environment: str, expected: tuple[str, ...]) -> None:
    async with a_daemon(services=[rule]) as daemon:
        await daemon.push("deployment_status", status("success", environment=environment))
        assert [(each.service, each.environment, each.team) for each in daemon.deployments] == [expected]


async def test_either_of_two_secrets_signs(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text("old\nnew\n")
    body = b"{}"
    async with a_daemon(webhook_secrets=[], webhook_secrets_file=file) as daemon:
        for secret, answer in (("old", 200), ("new", 200), (SECRET, 403)):
            assert await daemon.post(body, {"X-GitHub-Event": "ping", **signed(body, secret)}) == answer


async def test_what_is_not_signed_is_refused() -> None:
    async with a_daemon() as daemon:
        body = b"{}"
        flipped = signed(body)["X-Hub-Signature-256"][:-1] + "g"
        for headers in ({}, {"X-Hub-Signature-256": flipped}, signed(body + b" ")):
            assert await daemon.post(body, {"X-GitHub-Event": "ping", **headers}) == 403


async def test_a_delivery_may_be_a_form() -> None:
    async with a_daemon() as daemon:
        body = urlencode({"payload": json.dumps(recorded("deployment_status"))}).encode()
        form = "application/x-www-form-urlencoded"
        assert await daemon.push("deployment_status", body, Content_Type=form) == 200
        assert len(daemon.deployments) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
async def test_what_is_not_an_event_is_refused(body: bytes) -> None:
    async with a_daemon() as daemon:
        assert await daemon.push("deployment_status", body) == 400
        assert daemon.deployments == []


@pytest.mark.parametrize(
    "flaw",
    [
        {"deployment": None},
        {"deployment_status": {"state": 7}},
        {"repository": {"id": 1, "full_name": "a/b", "clone_url": ""}},
        {"deployment": {"id": 1, "sha": SHA, "environment": "e", "created_at": "0001-01-01T00:00:00Z"}},
    ],
)
async def test_a_malformed_event_is_counted_and_never_an_error(flaw: dict[str, Any]) -> None:
    async with a_daemon() as daemon:
        assert await daemon.push("deployment_status", {**recorded("deployment_status"), **flaw}) == 200
        assert daemon.deployments == []
        assert daemon.told[0][1] == "1 quarantined"
