"""GitLab's webhooks: who may send them, and what becomes of what they say."""

import hashlib
import hmac
import json
from base64 import b64encode
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.builders import fields
from tests.sources.gitlab_bodies import SHA, deployment, issue
from tests.sources.gitlab_daemon import SECRET, a_daemon

from dora_exporter.runtime.timestamps import iso
from dora_exporter.sources.gitlab.settings import GitLabSettings

DEPLOYMENT = "Deployment Hook"
ISSUE = "Issue Hook"
KEY = b"a-key-of-thirty-two-bytes-or-so."
SIGNING = "whsec_" + b64encode(KEY).decode()


async def test_a_successful_deployment_is_an_event() -> None:
    async with a_daemon() as daemon:
        assert await daemon.push(DEPLOYMENT, deployment()) == 200

        (event,) = daemon.deployments
        assert (event.id, event.service, event.environment, event.source, event.outcome) == (
            "gl:15",
            "test-deployment-webhooks",
            "staging",
            "gl",
            None,
        )
        assert (event.commit_sha, event.repository) == (SHA, "10.126.0.2/root/test-deployment-webhooks")
        assert iso(event.finished_at) == "2021-04-28T19:50:00Z"
        assert event.upstream == {"ref": "1.0.0", "tier": "staging"}
        assert daemon.told == [(DEPLOYMENT, "1 created", "")]


@pytest.mark.parametrize("ending", ["success", "failed", "canceled"])
async def test_states_in_any_order_and_each_three_times_are_one_event(ending: str) -> None:
    bodies = [
        deployment("created", "2021-04-28 21:47:00 +0200"),
        deployment("running", "2021-04-28 19:48:00 UTC"),
        deployment(ending),
    ]
    found = []
    for order in permutations(bodies):
        async with a_daemon() as daemon:
            for body in order:
                for _ in range(3):
                    assert await daemon.push(DEPLOYMENT, body) == 200
            found.append([fields(each) for each in daemon.deployments])
            (event,) = daemon.deployments
            assert iso(event.started_at) == "2021-04-28T19:48:00Z"
            assert event.outcome == (None if ending == "success" else ending)
    assert all(each == found[0] for each in found)


async def test_when_a_deployment_began_outlives_a_restart() -> None:
    async with a_daemon() as daemon:
        await daemon.push(DEPLOYMENT, deployment("running", "2021-04-28 21:48:00 +0200"))
        await daemon.start()
        await daemon.push(DEPLOYMENT, deployment())
        assert [iso(each.started_at) for each in daemon.deployments] == ["2021-04-28T19:48:00Z"]


@pytest.mark.parametrize("name", ["review/feature/1", "production 🚀", "prod\N{ZERO WIDTH JOINER}eu", '{"a": "b"}'])
async def test_an_environment_may_be_called_anything(name: str) -> None:
    async with a_daemon() as daemon:
        for _ in range(2):
            assert await daemon.push("Deployment Hook", deployment(environment=name)) == 200
        assert [each.environment for each in daemon.deployments] == [name]


async def test_an_older_state_never_replaces_a_newer_one() -> None:
    async with a_daemon() as daemon:
        await daemon.push(DEPLOYMENT, deployment("success"))
        await daemon.push(DEPLOYMENT, deployment("failed", "2021-04-28 21:49:00 +0200"))
        assert daemon.told[0][1:] == ("ignored", "a newer state is held")
        assert [each.outcome for each in daemon.deployments] == [None]


async def test_the_lives_of_an_incident_in_any_order_end_alike() -> None:
    bodies = [
        issue("open"),
        issue("close", "2021-04-28 11:00:00 UTC"),
        issue("reopen", "2021-04-28 12:00:00 UTC"),
        issue("update", "2021-04-28 12:30:00 UTC", severity="critical"),
        issue("close", "2021-04-28 13:00:00 UTC", severity="critical"),
    ]
    for order in permutations(bodies):
        async with a_daemon() as daemon:
            for body in order:
                assert await daemon.push(ISSUE, body) == 200
            (incident,) = daemon.incidents
            assert (incident.id, incident.services, incident.severity, incident.name) == (
                "gl:issue-301",
                ("test-deployment-webhooks",),
                "critical",
                "Checkout is down",
            )
            assert iso(incident.started_at) == "2021-04-28T10:00:00Z"
            assert incident.finished_at is not None
            assert iso(incident.finished_at) == "2021-04-28T13:00:00Z"


async def test_an_incident_that_is_reopened_is_open() -> None:
    async with a_daemon() as daemon:
        await daemon.push(ISSUE, issue("close", "2021-04-28 11:00:00 UTC"))
        await daemon.push(ISSUE, issue("reopen", "2021-04-28 12:00:00 UTC"))
        assert [each.finished_at for each in daemon.incidents] == [None]


async def test_of_two_states_in_one_second_the_closed_one_stays() -> None:
    for order in permutations([issue("open"), issue("close")]):
        async with a_daemon() as daemon:
            for body in order:
                await daemon.push(ISSUE, body)
            assert [each.finished_at is None for each in daemon.incidents] == [False]


@pytest.mark.parametrize("kind", ["issue", "work_item", "incident"])
async def test_an_incident_may_come_as_an_issue_or_as_a_work_item(kind: str) -> None:
    async with a_daemon() as daemon:
        assert (
            await daemon.push("Work Item Hook", {**issue(type=None, issue_type="incident"), "object_kind": kind}) == 200
        )
        assert len(daemon.incidents) == 1


async def test_labels_name_services() -> None:
    labels = {"API": {"service": "api", "environment": "production", "team": "core"}, "web": "web"}
    async with a_daemon(incident_labels=labels, incident_environment="prod") as daemon:
        both = [{"title": "web"}, {"title": "API"}]
        await daemon.push(ISSUE, issue("open", id=1, labels=both))
        await daemon.push(ISSUE, issue("open", id=2, labels=[{"title": "web"}]))
        assert [(each.services, each.environment, each.team) for each in daemon.incidents] == [
            (("api", "web"), "production", "core"),
            (("web",), "prod", None),
        ]


async def test_an_incident_that_becomes_an_issue_counts_no_more() -> None:
    async with a_daemon() as daemon:
        await daemon.push(ISSUE, issue("open"))
        await daemon.push(ISSUE, issue("update", "2021-04-28 11:00:00 UTC", type="Issue"))
        assert [(each.services, each.team) for each in daemon.incidents] == [((), None)]
        await daemon.push(ISSUE, issue("update", "2021-04-28 12:00:00 UTC"))
        assert [each.services for each in daemon.incidents] == [("test-deployment-webhooks",)]


async def test_a_severity_that_is_left_out_later_counts_no_more() -> None:
    async with a_daemon(severities=["high"]) as daemon:
        await daemon.push(ISSUE, issue("open"))
        await daemon.push(ISSUE, issue("update", "2021-04-28 11:00:00 UTC", severity="low"))
        assert [each.services for each in daemon.incidents] == [()]


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("Push Hook", {"object_kind": "push"}, "an event that the source has no use for"),
        ("Push Hook", {}, "an event that the source has no use for"),
        (DEPLOYMENT, deployment("blocked"), "no deployment or incident in a state that counts"),
        (ISSUE, issue(type="Issue"), "no deployment or incident in a state that counts"),
        (DEPLOYMENT, b"", "it cannot be understood"),
        (DEPLOYMENT, b"{", "it cannot be understood"),
        (DEPLOYMENT, b"[]", "it cannot be understood"),
        (DEPLOYMENT, b"\xff", "it cannot be understood"),
        (DEPLOYMENT, b"[" * 100_000, "it cannot be understood"),
        (DEPLOYMENT, {"object_kind": 7}, "it cannot be understood"),
    ],
)
async def test_what_is_no_event_is_never_an_error_and_counted_by_reason(
    kind: str, body: dict[str, Any] | bytes, reason: str
) -> None:
    async with a_daemon() as daemon:
        assert await daemon.push(kind, body) == 200
        assert daemon.told == [(kind, "ignored", reason)]
        assert (daemon.deployments, daemon.incidents) == ([], [])


@pytest.mark.parametrize(
    "body",
    [
        deployment(project=None),
        deployment(deployment_id="15"),
        deployment(at="yesterday"),
        deployment(at="0001-01-01 00:00:00 UTC"),
        deployment(project={"path_with_namespace": "a/b", "web_url": ""}),
        issue(id=None),
        issue(updated_at=None),
        {"object_kind": "deployment"},
        {"object_kind": "issue", "object_attributes": [1]},
    ],
)
async def test_a_malformed_event_is_counted_and_never_an_error(body: dict[str, Any]) -> None:
    async with a_daemon() as daemon:
        assert await daemon.push(DEPLOYMENT, body) == 200
        assert (daemon.deployments, daemon.incidents) == ([], [])
        assert daemon.told[0][1] == "1 quarantined"


@pytest.mark.parametrize(
    "settings",
    [
        {"groups": ["roo"]},
        {"projects": ["root/other-*"]},
        {"exclude_projects": ["test-*"]},
        {"environments": ["prod*"]},
        {"environment_tiers": ["production"]},
    ],
)
async def test_filters_leave_out(settings: dict[str, Any]) -> None:
    async with a_daemon(**settings) as daemon:
        for status in ("running", "success"):
            assert await daemon.push(DEPLOYMENT, deployment(status)) == 200
            assert daemon.told[0][1] == "ignored"
        assert daemon.told[0][2] == "left out by the settings"
        assert daemon.deployments == []


@pytest.mark.parametrize(
    "settings",
    [
        {"groups": ["Root"], "projects": ["test-*"]},
        {"projects": ["root/*"], "exclude_projects": ["root/old-*"]},
        {"environments": ["stag*"], "environment_tiers": ["staging", "production"]},
    ],
)
async def test_filters_let_through(settings: dict[str, Any]) -> None:
    async with a_daemon(**settings) as daemon:
        await daemon.push(DEPLOYMENT, deployment())
        assert len(daemon.deployments) == 1


@pytest.mark.parametrize(
    ("rule", "environment", "expected"),
    [
        ({"environment": "prod-(?P<service>.+)", "set_environment": "prod"}, "prod-search", ("search", "prod", None)),
        ({"repository": "*/test-*", "service": "web", "team": "shop"}, "production", ("web", "production", "shop")),
        (
            {"repository": "other", "service": "web"},
            "review/\N{ROCKET}",
            ("test-deployment-webhooks", "review/\N{ROCKET}", None),
        ),
    ],
)
async def test_the_table_names_services(rule: dict[str, str], environment: str, expected: tuple[str, ...]) -> None:
    async with a_daemon(services=[rule]) as daemon:
        await daemon.push(DEPLOYMENT, deployment(environment=environment))
        assert [(each.service, each.environment, each.team) for each in daemon.deployments] == [expected]


async def test_either_of_two_tokens_or_a_signature_proves_a_delivery(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(f"old\nnew\n{SIGNING}\n")
    async with a_daemon(webhook_secrets=[], webhook_secrets_file=file) as daemon:
        seconds = daemon.clock() // 1000
        body = json.dumps(deployment()).encode()
        for secret, answer in (("old", 200), ("new", 200), (SECRET, 403), (SIGNING, 403), ("", 403)):
            assert await daemon.post(body, {"X-Gitlab-Event": DEPLOYMENT, "X-Gitlab-Token": secret}) == answer
        for signature, answer in (
            (signed(body, seconds), 200),
            (signed(body, seconds, key=b"another key"), 403),
            (signed(body + b" ", seconds), 403),
            (signed(body, seconds - 301), 403),
            (signed(body, seconds) | {"webhook-timestamp": str(seconds + 1)}, 403),
        ):
            assert await daemon.post(body, {"X-Gitlab-Event": DEPLOYMENT, **signature}) == answer


async def test_without_secrets_a_key_of_the_daemon_is_taken() -> None:
    async with a_daemon(webhook_secrets=[]) as daemon:
        body = json.dumps(deployment()).encode()
        assert await daemon.post(body, {"DD-API-KEY": "k"}) == 200
        assert await daemon.post(body, {"X-Gitlab-Token": ""}) == 403
        assert len(daemon.deployments) == 1


async def test_with_secrets_a_key_of_the_daemon_is_not_enough() -> None:
    async with a_daemon() as daemon:
        assert await daemon.post(b"{}", {"DD-API-KEY": "k"}) == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhook_secrets": ["a"], "webhook_secrets_file": "b"},
        {"environment_tiers": ["prod"]},
        {"severities": ["P1"]},
        {"services": [{"repository": "a/b"}]},
        {"services": [{"environment": "(", "service": "a"}]},
        {"incident_labels": {"a": {"team": "b"}}},
    ],
)
def test_a_mistake_in_the_settings_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GitLabSettings.model_validate(wrong)


def signed(body: bytes, seconds: int, key: bytes = KEY) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    digest = hmac.new(key, f"m1.{seconds}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": "m1",
        "webhook-timestamp": str(seconds),
        "webhook-signature": "v1," + b64encode(digest).decode(),
    }
