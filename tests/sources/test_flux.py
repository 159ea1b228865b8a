"""Flux's events: which revisions are deployments, and what they are called."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.builders import MINUTE_MS
from tests.oracle import links
from tests.sources.flux_daemon import (
    HELM,
    KUSTOMIZE,
    START_MS,
    UID,
    FluxDaemon,
    a_daemon,
    helm_release,
    kustomization,
    revision,
    signed,
)

from dora_exporter.runtime.timestamps import iso

SHA = "802723078affd3eb2a3898630261ab3ca5d6dd40"
DIGEST = "sha256:" + "0c" * 32


def versions(daemon: FluxDaemon) -> list[tuple[str | None, str | None]]:
    """Version and outcome of what is held, in order of time."""
    in_order = sorted(daemon.deployments, key=lambda each: (each.started_at, each.version or ""))
    return [(each.version, each.outcome) for each in in_order]


async def test_a_revision_is_a_deployment() -> None:
    async with a_daemon() as daemon:
        assert await daemon.push(kustomization()) == 200
        (event,) = daemon.deployments
        assert (event.service, event.environment, event.source) == ("webapp", "none", "flux")
        assert event.id.startswith("flux:")
        assert iso(event.started_at) == iso(event.finished_at) == iso(START_MS + MINUTE_MS)
        assert (event.version, event.outcome) == (revision(1), None)
        assert (event.commit_sha, event.repository) == (None, None)
        assert event.upstream is not None
        assert event.upstream["configuration"] == [revision(1)[-40:]]
        assert daemon.told == [("ReconciliationSucceeded", "1 created", "")]


async def test_what_it_is_called_is_said_by_alerts_annotations_and_settings() -> None:
    services = {"apps/webapp": {"service": "web", "environment": "eu", "team": "crew"}, "podinfo": "info"}
    async with a_daemon(services=services, environment="prod") as daemon:
        await daemon.push(kustomization())
        await daemon.push(helm_release("6.6.1", 2))
        said = {f"{KUSTOMIZE}/revision": "v2", "env": "us", "service": "shop", "event.toolkit.fluxcd.io/team": "ops"}
        await daemon.push(kustomization(3, metadata=said))
        assert [(each.service, each.environment, each.team) for each in daemon.deployments] == [
            ("web", "eu", "crew"),
            ("info", "prod", None),
            ("shop", "us", "ops"),
        ]


async def test_a_revision_that_is_told_at_each_interval_is_one_deployment() -> None:
    async with a_daemon() as daemon:
        for minute in (1, 11, 21):
            await daemon.push(kustomization(1, minute))
            await daemon.start()
        await daemon.push(kustomization(1, 31))
        assert daemon.told[0] == (
            "ReconciliationSucceeded",
            "ignored",
            "no deployment or incident in a state that counts: this revision is there already",
        )
        assert versions(daemon) == [(revision(1), None)]


async def test_a_revision_that_comes_back_is_a_rollback() -> None:
    async with a_daemon() as daemon:
        for number, minute in ((1, 1), (2, 2), (3, 3), (1, 4), (1, 14)):
            await daemon.push(kustomization(number, minute))
        assert [each for each, _ in versions(daemon)] == [revision(1), revision(2), revision(3), revision(1)]
        found = links.rollbacks(daemon.deployments)
        assert [(failed.version, remedy.version) for remedy, failed in found] == [(revision(2), revision(1))]


@settings(max_examples=60, deadline=None)
@given(st.permutations([1, 2, 3, 13, 23]), st.lists(st.sampled_from([1, 2, 3, 13, 23]), max_size=5), st.data())
async def test_any_order_any_repetition_and_restarts_between_give_one_event(
    order: list[int], again: list[int], data: st.DataObject
) -> None:
    async with a_daemon() as daemon:
        for minute in [*order, *again]:
            if data.draw(st.booleans()):
                await daemon.start()
            await daemon.take(json.dumps(kustomization(1, minute)).encode())
        (event,) = daemon.deployments
        assert event.finished_at == START_MS + MINUTE_MS


@pytest.mark.parametrize("reason", ["HealthCheckFailed", "BuildFailed", "ReconciliationFailed", "ValidationFailed"])
async def test_a_revision_that_fails_again_and_again_is_one_attempt(reason: str) -> None:
    async with a_daemon() as daemon:
        for minute in (4, 2, 3):
            await daemon.push(kustomization(1, minute, reason=reason))
        assert versions(daemon) == [(revision(1), "failed")]
        assert daemon.deployments[0].finished_at == START_MS + 2 * MINUTE_MS

        await daemon.push(kustomization(1, 5))
        assert versions(daemon) == [(revision(1), "failed"), (revision(1), None)]


async def test_an_attempt_that_is_told_to_be_older_keeps_the_commit_that_is_known_of_it() -> None:
    async with a_daemon() as daemon:
        await daemon.push(kustomization(1, minute=5, reason="HealthCheckFailed"))
        daemon.store.apply(replace(daemon.deployments[0], repository="git.example/shop", commit_sha=SHA))
        await daemon.push(kustomization(1, minute=3, reason="HealthCheckFailed"))
        (event,) = daemon.deployments
        assert event.finished_at == START_MS + 3 * MINUTE_MS
        assert (event.repository, event.commit_sha) == ("git.example/shop", SHA)


async def test_health_that_is_lost_later_is_no_attempt() -> None:
    async with a_daemon() as daemon:
        await daemon.push(kustomization())
        await daemon.push(kustomization(1, 5, reason="HealthCheckFailed"))
        assert versions(daemon) == [(revision(1), None)]


async def test_releases_of_helm_are_deployments_failures_and_rollbacks() -> None:
    async with a_daemon() as daemon:
        for event in (
            helm_release("1.0.0", 1, reason="InstallSucceeded"),
            helm_release("1.0.0", 2, reason="TestSucceeded"),
            helm_release("2.0.0", 3, reason="UpgradeSucceeded"),
            helm_release("2.0.0", 4, reason="UpgradeSucceeded"),
            helm_release("3.0.0", 5, reason="UpgradeFailed"),
            helm_release("1.0.0", 6, reason="RollbackSucceeded"),
            helm_release("1.0.0", 7, reason="UninstallSucceeded"),
        ):
            assert await daemon.push(event) == 200
        assert versions(daemon) == [("1.0.0", None), ("2.0.0", None), ("3.0.0", "failed"), ("1.0.0", None)]


@pytest.mark.parametrize(
    ("metadata", "images", "shas"),
    [
        ({"revision": f"main@sha1:{SHA}"}, [], [SHA]),
        ({f"{KUSTOMIZE}/revision": f"main/{SHA}"}, [], [SHA]),
        ({f"{KUSTOMIZE}/revision": f"feature/x/{SHA}"}, [], [SHA]),
        ({f"{KUSTOMIZE}/revision": f"v1.2.3@sha1:{SHA}", "image": "r.example:5000/a:1"}, ["r.example:5000/a:1"], [SHA]),
        ({f"{KUSTOMIZE}/revision": f"latest@{DIGEST}"}, [f"artifact@{DIGEST}"], []),
        (
            {f"{KUSTOMIZE}/revision": f"latest@{DIGEST}", f"{KUSTOMIZE}/originRevision": f"main@sha1:{SHA}"},
            [f"artifact@{DIGEST}"],
            [SHA],
        ),
        ({f"{KUSTOMIZE}/revision": DIGEST}, [f"artifact@{DIGEST}"], []),
        (
            {f"{KUSTOMIZE}/revision": "6.6.1+0cc9a8446c95", f"{KUSTOMIZE}/oci-digest": DIGEST},
            [f"artifact@{DIGEST}"],
            [],
        ),
        ({"revision": "1.2.3"}, [], []),
        ({"revision": "1.2.3", "image": "i" * 500}, ["i" * 500], []),
        ({"revision": "1.2.3", "image": "i" * 501}, [], []),
    ],
)
async def test_what_can_tell_the_commit_of_the_source_is_kept(
    metadata: dict[str, str], images: list[str], shas: list[str]
) -> None:
    async with a_daemon() as daemon:
        await daemon.push(kustomization(metadata=metadata))
        (event,) = daemon.deployments
        assert event.upstream is not None
        assert (event.upstream["images"], event.upstream["configuration"]) == (images, shas)
        assert event.version == next(text for name, text in metadata.items() if name.endswith("evision"))


async def test_objects_of_one_name_in_several_clusters_are_told_apart_by_their_uids() -> None:
    async with a_daemon() as daemon:
        for uid in (UID, UID.replace("7", "8"), "", "not an uid"):
            event = kustomization()
            event["involvedObject"]["uid"] = uid
            await daemon.push(event)
        assert len(daemon.deployments) == 3


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reason": "Progressing", "severity": "info"}, "no deployment or incident in a state that counts"),
        ({"reason": "DependencyNotReady", "severity": "info"}, "no deployment or incident in a state that counts"),
        ({"reason": "ArtifactFailed", "severity": "error"}, "no deployment or incident in a state that counts"),
        ({"metadata": {}}, "no deployment or incident in a state that counts"),
        ({"metadata": None}, "no deployment or incident in a state that counts"),
        ({"involvedObject": {"kind": "GitRepository", "name": "x"}}, "an event that the source has no use for"),
    ],
)
async def test_what_is_no_deployment_is_ignored_by_reason(changes: dict[str, Any], reason: str) -> None:
    async with a_daemon() as daemon:
        assert await daemon.push(kustomization() | changes) == 200
        assert daemon.told[0][1:] == ("ignored", reason)
        assert daemon.deployments == []


async def test_who_has_a_secret_may_send_also_while_it_is_rotated() -> None:
    body = json.dumps(kustomization()).encode()
    async with a_daemon(webhook_secrets=["old-secret", "new-secret"]) as daemon:
        for secret in ("old-secret", "new-secret"):
            assert await daemon.post(body, signed(body, secret)) == 200
        wrong = signed(body, "another-secret")["X-Signature"]
        for headers in ({}, {"X-Signature": wrong}, {"X-Signature": "sha256="}, {"DD-API-KEY": "k"}):
            assert await daemon.post(body, headers) == 403
        assert await daemon.post(body + b" ", signed(body, "old-secret")) == 403
    async with a_daemon(webhook_secrets=[]) as daemon:
        assert await daemon.post(body, {"DD-API-KEY": "k"}) == 200
        assert await daemon.post(body, signed(body)) == 403


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b"nonsense", b'{"reason": 5}', b"[" * 100_000])
async def test_what_is_no_event_is_refused(body: bytes) -> None:
    async with a_daemon() as daemon:
        assert await daemon.post(body, signed(body)) == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": "whenever"},
        {"timestamp": None},
        {"involvedObject": {"kind": "Kustomization", "name": "a b"}},
        {"involvedObject": {"kind": "HelmRelease", "name": "a", "namespace": "b\n"}, "metadata": {"revision": "1"}},
        {"metadata": []},
        {"metadata": {f"{KUSTOMIZE}/revision": "main@sha256:" + "a" * 1000}},
    ],
)
async def test_an_event_that_is_malformed_is_counted_and_not_refused(changes: dict[str, Any]) -> None:
    async with a_daemon() as daemon:
        event = kustomization() | changes
        if changes.get("involvedObject", {}).get("kind") == "HelmRelease":
            event["reason"] = "UpgradeSucceeded"
        assert await daemon.push(event) == 200
        assert daemon.running.health.items["quarantined"] == 1
        assert daemon.deployments == []


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([each for each in kustomization() if each != "reason"]), _json), st.text())
async def test_an_event_with_anything_in_any_place_is_taken_or_counted(changes: dict[str, object], name: str) -> None:
    async with a_daemon() as daemon:
        for metadata in ({f"{KUSTOMIZE}/revision": name, f"{HELM}/revision": name, "env": name, "image": name}, {}):
            event = {**kustomization(), **({"metadata": metadata} if metadata else {}), **changes}
            await daemon.take(json.dumps(event).encode())
