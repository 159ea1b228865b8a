"""From a webhook to the lead time: the source, a mirror of the repository behind it, and nothing else."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.builders import HOUR_MS
from tests.commits.histories import Made, build
from tests.commits.servers import GitServer, listening
from tests.e2e.daemon import Daemon, RunningDaemon
from tests.sources import gitlab_bodies
from tests.sources.github_daemon import SECRET, recorded, signed

from dora_exporter.runtime.clock import stopwatch, system_clock
from dora_exporter.runtime.timestamps import iso

SECONDS = 30.0
LEAD_SECONDS = (3 * 3600, 5 * 3600)
"""How long before the second deployment its two commits were made."""


def github(sha: str, at_ms: int, number: int) -> tuple[bytes, Mapping[str, str]]:
    """A deployment that succeeded."""
    said = recorded("deployment_status")
    said["deployment_status"] |= {"state": "success", "created_at": iso(at_ms)}
    said["deployment"] |= {"id": number, "sha": sha, "environment": "production", "created_at": iso(at_ms - 60_000)}
    said["repository"] |= {"full_name": "acme/shop", "clone_url": "https://github.com/acme/shop.git"}
    body = json.dumps(said).encode()
    return body, {"X-GitHub-Event": "deployment_status", **signed(body)}


def gitlab(sha: str, at_ms: int, number: int) -> tuple[bytes, Mapping[str, str]]:
    """The same, of a project on a GitLab of one's own."""
    project = {"path_with_namespace": "acme/shop", "web_url": "https://gitlab.example/acme/shop"}
    said: dict[str, Any] = gitlab_bodies.deployment(
        at=iso(at_ms),
        deployment_id=number,
        environment="production",
        project={**gitlab_bodies.PROJECT, **project},
        short_sha=sha[:8],
        commit_url=f"https://gitlab.example/acme/shop/-/commit/{sha}",
    )
    return json.dumps(said).encode(), {"X-Gitlab-Event": "Deployment Hook", "X-Gitlab-Token": SECRET}


FORGES = {"github": ("github.com/acme/shop", github), "gitlab": ("gitlab.example/acme/shop", gitlab)}


@pytest.mark.parametrize("kind", FORGES)
async def test_a_webhook_becomes_a_lead_time(kind: str, tmp_path: Path) -> None:
    alias, delivery = FORGES[kind]
    now_ms = system_clock() // 1000 * 1000 - HOUR_MS
    times = (now_ms // 1000 - 86_400, *(now_ms // 1000 - seconds for seconds in LEAD_SECONDS[::-1]))
    history = [Made(parents=(place - 1,) if place else (), authored_at=at) for place, at in enumerate(times)]
    shas = build(tmp_path / "served" / "shop.git", history)
    async with listening(GitServer(tmp_path / "served").application()) as port:
        settings = {
            "sources": {kind: {"kind": kind, "webhook_secrets": [SECRET]}},
            "repositories": {"shop": {"url": f"http://127.0.0.1:{port}/shop.git", "aliases": [f"https://{alias}"]}},
        }
        deliveries = [delivery(shas[0], now_ms - 20 * HOUR_MS, 1), delivery(shas[2], now_ms, 2)]
        found = await asyncio.to_thread(_lead_times, Daemon(tmp_path, settings), kind, deliveries)
    assert found == {"median": pytest.approx(sum(LEAD_SECONDS) / 2)}


def _lead_times(daemon: Daemon, kind: str, deliveries: list[tuple[bytes, Mapping[str, str]]]) -> Mapping[str, float]:
    """The median of the lead times in a window, once it is there."""
    with daemon.running() as running:
        for body, headers in deliveries:
            answer = running.request("POST", f"/webhooks/{kind}", body, headers)
            assert answer.status == 200, answer
        deadline = stopwatch() + SECONDS
        while not (found := _found(running)):
            assert stopwatch() < deadline, running.process.text
        return found


def _found(running: RunningDaemon) -> Mapping[str, float]:
    wanted = {"service": "shop", "environment": "production", "window": "7d", "statistic": "median"}
    return {
        dict(labels)["statistic"]: value
        for (name, labels), value in running.samples().items()
        if name == "dora_change_lead_time_seconds" and wanted.items() <= dict(labels).items()
    }
