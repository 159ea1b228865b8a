"""How long GitHub and GitLab wait until what they push is durable."""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from tests.benchmarks.crowd import crowd, write_snapshot
from tests.benchmarks.daemon import Daemon, running_daemon
from tests.benchmarks.rounds import Goal

from dora_exporter.runtime.clock import system_clock
from dora_exporter.runtime.timestamps import iso

EVENTS = 100_000
SERIES = 250
DELIVERIES = 2_000
MOST_SECONDS = 0.05
SECRET = "secret-of-the-webhooks"


@dataclass(frozen=True)
class Delivery:
    """A webhook of a deployment that succeeded."""

    path: str
    body: bytes
    headers: Mapping[str, str]


def measure(folder: Path) -> Iterator[Goal]:
    """The row about webhooks."""
    snapshot = folder / "snapshot.jsonl"
    write_snapshot(snapshot, crowd(1, system_clock(), events=EVENTS, series=SERIES, commits=False))
    sources = {kind: {"kind": kind, "webhook_secrets": [SECRET]} for kind in ("github", "gitlab")}
    with running_daemon(folder, snapshot, settings={"sources": sources}) as daemon:
        seconds = [_timed(daemon, _delivery(number)) for number in range(DELIVERIES)]
        if _created(daemon) != DELIVERIES:
            raise RuntimeError("not every delivery became an event")
    slowest = quantiles(seconds, n=100)[98]
    yield Goal(
        f"a webhook of GitHub or GitLab until it is durable, with {EVENTS:,} events held: p99 of {DELIVERIES:,}",
        f"{slowest * 1000:.1f} ms (median {median(seconds) * 1000:.1f} ms)",
        f"under {MOST_SECONDS * 1000:.0f} ms",
        slowest < MOST_SECONDS,
    )


def _created(daemon: Daemon) -> int:
    created = re.findall(
        rb'^dora_exporter_source_items_total{.*outcome="created".*} (.*)$', daemon.ask("GET", "/metrics"), re.MULTILINE
    )
    return sum(int(float(each)) for each in created)


def _timed(daemon: Daemon, delivery: Delivery) -> float:
    begun = time.perf_counter()
    daemon.ask("POST", delivery.path, delivery.body, dict(delivery.headers))
    return time.perf_counter() - begun


def _delivery(number: int) -> Delivery:
    """A new deployment, of either forge in turn."""
    return _github(number) if number % 2 else _gitlab(number)


def _github(number: int) -> Delivery:
    at = iso(system_clock() // 1000 * 1000)
    body = json.dumps(
        {
            "action": "created",
            "deployment_status": {"id": number, "state": "success", "created_at": at},
            "deployment": {
                "id": number,
                "sha": f"{number:040x}",
                "ref": "main",
                "task": "deploy",
                "payload": {},
                "environment": "production",
                "created_at": at,
            },
            "repository": {
                "id": number % SERIES,
                "full_name": f"acme/service-{number % SERIES}",
                "clone_url": f"https://github.com/acme/service-{number % SERIES}.git",
            },
        }
    ).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return Delivery("/webhooks/github", body, {"X-GitHub-Event": "deployment_status", "X-Hub-Signature-256": signature})


def _gitlab(number: int) -> Delivery:
    path = f"acme/service-{number % SERIES}"
    body = json.dumps(
        {
            "object_kind": "deployment",
            "status": "success",
            "status_changed_at": iso(system_clock() // 1000 * 1000),
            "deployment_id": number,
            "environment": "production",
            "project": {"path_with_namespace": path, "web_url": f"https://gitlab.example/{path}"},
            "commit_url": f"https://gitlab.example/{path}/-/commit/{number:040x}",
        }
    ).encode()
    return Delivery("/webhooks/gitlab", body, {"X-Gitlab-Event": "Deployment Hook", "X-Gitlab-Token": SECRET})
