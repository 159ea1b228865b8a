"""The sources of ``config.example.yaml`` run as written there, but for the addresses of the upstreams."""

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.builders import HOUR_MS, ManualClock
from tests.e2e.daemon import Daemon, RunningDaemon
from tests.sources import fake_gitlab, flux_daemon
from tests.sources.argocd_daemon import application
from tests.sources.fake_datadog import FakeDatadog
from tests.sources.fake_github import TOKEN, FakeGitHub
from tests.sources.fake_pagerduty import FakePagerDuty
from tests.sources.fake_prometheus import FakePrometheus
from tests.sources.flux_daemon import kustomization
from tests.sources.github_daemon import SECRET, recorded, signed

from dora_exporter.runtime.clock import stopwatch, system_clock

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
SECRETS = {
    "pagerduty-token": "token-of-the-account",
    "pagerduty-webhook-secrets": "secret",
    "datadog-api-key": "api-key",
    "datadog-app-key": "app-key",
    "flux-webhook-secrets": SECRET,
    "github-webhook-secrets": SECRET,
    "gitlab-token": "token",
    "gitlab-webhook-secrets": "secret",
    "github-deployments-token": TOKEN,
    "status-tool-secrets": "secret",
}
SECONDS = 30.0


def shown() -> dict[str, dict[str, Any]]:
    """The sources that the example shows in a comment, by name."""
    block = re.search(r"^sources: \{\}\n((?:#  .*\n)+)", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert block is not None
    sources: dict[str, dict[str, Any]] = yaml.safe_load(re.sub(r"^#", "", block[1], flags=re.MULTILINE))
    return sources


async def test_every_source_of_the_example_brings_what_its_upstream_has(tmp_path: Path) -> None:
    now_ms = system_clock()
    account = FakePagerDuty(ManualClock(now_ms - HOUR_MS))
    account.trigger("PABC123")
    datadog = FakeDatadog()
    datadog.add("found", datetime.fromtimestamp(now_ms // 1000 - 3600, UTC).isoformat())
    github = FakeGitHub(ManualClock(now_ms - HOUR_MS))
    github.deploy(github.repository(), "success")
    prometheus = FakePrometheus()
    labels = {"service_name": "search", "deployment_environment_name": "production", "service_version": "v2"}
    prometheus.expose(labels, range(now_ms // 60_000 * 60 - 3600, now_ms // 1000, 60))
    forge = fake_gitlab.FakeGitLab(lambda: now_ms - HOUR_MS)
    forge.end(forge.deploy(forge.add_project("acme/shop")), "success")
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(secret)

    async with AsyncExitStack() as stack:
        sources = shown()
        for name, key, served in (
            ("gitlab", "base_url", forge.application()),
            ("pagerduty", "base_url", account.application()),
            ("datadog", "base_url", datadog.application()),
            ("prometheus", "url", prometheus.application()),
            ("github", "base_url", github.application()),
        ):
            sources[name][key] = await _served(served, stack)
        del sources["datadog"]["site"]
        wanted = dict.fromkeys(shown(), 1) | {"github": 2}  # one is pushed, and one is found
        counted = await asyncio.to_thread(_counted, Daemon(tmp_path, {"sources": sources}), sum(wanted.values()))

    assert counted == wanted


async def _served(served: web.Application, stack: AsyncExitStack) -> str:
    server = await stack.enter_async_context(TestServer(served))
    return str(server.make_url("")).rstrip("/")


def _counted(daemon: Daemon, events: int) -> Mapping[str, float]:
    """How many events of each source are created, once there are so many."""
    with daemon.running() as running:
        answer = running.request("POST", "/webhooks/alertmanager", json.dumps(_notification()).encode())
        assert answer.status == 200, answer
        body = _deployed()
        headers = {"X-GitHub-Event": "deployment_status", **signed(body)}
        assert running.request("POST", "/webhooks/github", body, headers).status == 200
        app = json.dumps({"app": application(startedAt=_an_hour_ago(), finishedAt=_an_hour_ago())}).encode()
        assert running.request("POST", "/webhooks/argocd", app).status == 200
        event = json.dumps(kustomization(timestamp=_an_hour_ago())).encode()
        assert running.request("POST", "/webhooks/flux", event, flux_daemon.signed(event)).status == 200
        answer = running.request("POST", "/webhooks/gitlab", b"{}", {"X-Gitlab-Token": "secret"})
        assert answer.status == 200, answer
        answer = running.request("POST", "/webhooks/status-tool", _incident(), {"X-Status-Token": "secret"})
        assert answer.status == 200, answer
        deadline = stopwatch() + SECONDS
        while sum((counted := _created(running)).values()) < events:
            assert stopwatch() < deadline, running.process.text
        return counted


def _created(running: RunningDaemon) -> dict[str, float]:
    created: dict[str, float] = {}
    for (name, labels), value in running.samples().items():
        about = dict(labels)
        if name == "dora_exporter_source_items_total" and about["outcome"] == "created" and value:
            created[about["source"]] = value
    return created


def _notification() -> dict[str, Any]:
    alert = {
        "status": "firing",
        "labels": {"alertname": "Down", "service": "checkout", "severity": "critical"},
        "annotations": {},
        "startsAt": datetime.fromtimestamp(system_clock() // 1000, UTC).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "f1",
    }
    return {"version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "firing", "alerts": [alert]}


def _incident() -> bytes:
    incident = {"id": 1, "opened_at": system_clock() // 1000, "components": [{"name": "Web shop"}]}
    return json.dumps({"incident": incident}).encode()


def _an_hour_ago() -> str:
    return datetime.fromtimestamp(system_clock() // 1000 - 3600, UTC).isoformat()


def _deployed() -> bytes:
    body = recorded("deployment_status")
    body["repository"]["full_name"] = "acme/shop"
    return json.dumps(body).encode()
