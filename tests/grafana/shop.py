"""A running daemon with sources and something to tell for every panel, and the Prometheus that scrapes it."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.docs.quiet_upstream import quiet_upstream
from tests.e2e.daemon import Daemon, RunningDaemon
from tests.e2e.programs import program
from tests.e2e.prometheus import Prometheus
from tests.grafana.monitoring import prometheus_with_rules

from dora_exporter.cli.demo.organisation import organisation, split
from dora_exporter.runtime.clock import Clock, system_clock
from dora_exporter.storage.file.line_format import encode, header_line

SEED = 1
_SCRAPED_LAST = (
    "dora_exporter_repository_last_fetch_timestamp_seconds",
    "dora_exporter_source_last_success_timestamp_seconds",
    'count_over_time(dora_exporter_events_rejected_total{reason="invalid"}[10s]) > 3',
    'dora_open_incidents{service="notifications", environment="production"} > 0',
    "environment_window:dora_change_failure_rate:ratio",
)


@dataclass(frozen=True)
class Shop:
    """The daemon and the Prometheus that scrapes it."""

    daemon: RunningDaemon
    prometheus: Prometheus


@contextmanager
def open_shop(folder: Path) -> Iterator[Shop]:
    """Starts both, and waits until a few scrapes have been made and the rules have been evaluated."""
    origin = folder / "origin.git"
    subprocess.run([program("git"), "init", "--quiet", "--bare", origin], check=True)
    with quiet_upstream() as upstream:
        daemon = Daemon(folder, _settings(upstream, origin))
        _write_the_past(daemon.snapshot, system_clock)
        with daemon.running() as running, prometheus_with_rules(folder, running.port) as server:
            _send_something_new(running)
            for expression in _SCRAPED_LAST:
                server.wait_for(expression)
            yield Shop(running, server)


def _settings(upstream: str, origin: Path) -> dict[str, object]:
    pagerduty = {"kind": "pagerduty", "base_url": upstream, "token": "any", "interval": "500ms"}
    return {"sources": {"pagerduty": pagerduty}, "repositories": {"shop": {"url": origin.as_uri()}}}


def _write_the_past(snapshot: Path, clock: Clock) -> None:
    """120 days of events, as the daemon would have written them itself."""
    past, _ = split(organisation(SEED, clock()), clock())
    with snapshot.open("wb") as file:
        file.write(header_line())
        file.writelines(encode(happening.record) for happening in past)


def _deploy(daemon: RunningDaemon) -> None:
    now = system_clock() // 1000
    daemon.send("deployment", service="web-shop", env="production", version="2.0.0", started_at=now, finished_at=now)


def _send_something_new(daemon: RunningDaemon) -> None:
    now = system_clock() // 1000
    _deploy(daemon)
    daemon.send("failure", services=["notifications"], env="production", started_at=now)
    for hours in (3, 2, 1):  # as many as it takes to compare the last seven days with the past
        began = now - hours * 3600
        daemon.send("failure", services=["notifications"], env="production", started_at=began, finished_at=began + 600)
    refused = daemon.request("POST", "/api/v2/dora/deployment", json.dumps({"data": {}}).encode())
    assert refused.status == 400
