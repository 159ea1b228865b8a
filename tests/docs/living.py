"""A daemon in a process of its own in which every family has a sample."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.docs.quiet_upstream import quiet_upstream
from tests.e2e.daemon import Daemon, RunningDaemon
from tests.e2e.programs import program

from dora_exporter.runtime.clock import stopwatch, system_clock

WRITE_KEY = "a-key-that-may-write"
READ_KEY = "a-key-that-may-read"
_MINUTE_MS = 60_000
_LAST_TO_COME = (
    "dora_exporter_snapshot_replay_duration_seconds ",
    'dora_exporter_source_last_success_timestamp_seconds{source="pagerduty"} ',
    "dora_exporter_repository_last_fetch_timestamp_seconds{",
)
_SECONDS = 20.0


@dataclass(frozen=True)
class Documented:
    """A running daemon with keys."""

    daemon: RunningDaemon

    def exposition(self) -> str:
        """What Prometheus would read once all has happened that the daemon does by itself after its start."""
        deadline = stopwatch() + _SECONDS
        while any(f"\n{sample}" not in (read := self.daemon.get("/metrics").body.decode()) for sample in _LAST_TO_COME):
            assert stopwatch() < deadline, self.daemon.process.text
        return read

    def json(self, path: str) -> dict[str, Any]:
        """A document."""
        return self.daemon.get(path, **{"DD-API-KEY": READ_KEY}).json()

    def status(self, method: str, path: str, key: str = "") -> int:
        """What comes back for a request without a body."""
        return self.daemon.request(method, path, headers={"DD-API-KEY": key}).status


@contextmanager
def documented(folder: Path) -> Iterator[Documented]:
    """Starts a daemon with an upstream and a repository, and sends it a history with a bit of everything."""
    origin = folder / "origin.git"
    subprocess.run([program("git"), "init", "--quiet", "--bare", origin], check=True)
    with quiet_upstream() as upstream, Daemon(folder, _settings(upstream, origin)).running() as running:
        lines = "\n".join(json.dumps({"type": kind, "attributes": each}) for kind, each in _history(system_clock()))
        answer = running.request("POST", "/api/v1/events", lines.encode(), {"DD-API-KEY": WRITE_KEY})
        assert answer.json()["errors"] == [], answer
        yield Documented(running)


def _settings(upstream: str, origin: Path) -> dict[str, object]:
    pagerduty = {"kind": "pagerduty", "base_url": upstream, "token": "any", "interval": "500ms"}
    return {
        "api_keys": [WRITE_KEY],
        "incidents": {"severities": {"SEV-1": 1}},
        "environments": {"production": {}},
        "read_keys": [READ_KEY],
        "sources": {"pagerduty": pagerduty},
        "repositories": {"shop": {"url": origin.as_uri()}},
        "pull_requests": {"forge": {"kind": "gitlab", "host": "forge.example", "base_url": "https://forge.example"}},
    }


def _history(now: int) -> Iterator[tuple[str, dict[str, object]]]:
    """Two deployments, of which the first failed and was remedied, and an incident that goes on."""
    about = {"env": "production", "team": "payments"}
    git = {"repository_url": "https://git.example/acme/shop", "commit_sha": "a" * 40}
    for version, ago in (("v1", 120), ("v2", 60)):
        finished = now - ago * _MINUTE_MS
        commit = {"sha": version.encode().hex().rjust(40, "0"), "timestamp": finished - _MINUTE_MS}
        times = {"started_at": finished - _MINUTE_MS, "finished_at": finished}
        yield "deployment", {"service": "shop", "version": version, "git": git, "commits": [commit], **times, **about}
    began = now - 100 * _MINUTE_MS
    yield "failure", {"services": ["shop"], "started_at": began, "finished_at": began + _MINUTE_MS, **about}
    yield "failure", {"services": ["shop"], "started_at": now - _MINUTE_MS, "unknown": 1, **about}
