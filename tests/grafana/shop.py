"""A running daemon with sources and something to tell for every panel, and the Prometheus that scrapes it."""

import json
import subprocess
import sys
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
from dora_exporter.cli.demo.services import GROUPS
from dora_exporter.runtime.clock import Clock, system_clock
from dora_exporter.storage.file.line_format import encode, header_line

SEED = 1
BLOCK_STEP_SECONDS = 6 * 3600
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
def open_shop(folder: Path, *, days_in_prometheus: int = 0) -> Iterator[Shop]:
    """Starts both, and waits until a few scrapes have been made and the rules have been evaluated.

    Where it is wanted, Prometheus begins with the gauges of some days, as the manual says to write them.
    """
    origin = folder / "origin.git"
    subprocess.run([program("git"), "init", "--quiet", "--bare", origin], check=True)
    with quiet_upstream() as upstream:
        daemon = Daemon(folder, _settings(upstream, origin))
        _write_the_past(daemon.snapshot, system_clock)
        if days_in_prometheus:
            (folder / "groups.yaml").write_text(json.dumps({"groups": GROUPS}))
            _make_blocks(folder, daemon.snapshot, days_in_prometheus)
        with daemon.running() as running, prometheus_with_rules(folder, running.port) as server:
            _send_something_new(running)
            for expression in _SCRAPED_LAST:
                server.wait_for(expression)
            yield Shop(running, server)


def _settings(upstream: str, origin: Path) -> dict[str, object]:
    pagerduty = {"kind": "pagerduty", "base_url": upstream, "token": "any", "interval": "500ms"}
    repositories = {"shop": {"url": origin.as_uri()}}
    return {"sources": {"pagerduty": pagerduty}, "repositories": repositories, "groups": GROUPS}


def _write_the_past(snapshot: Path, clock: Clock) -> None:
    """120 days of events, as the daemon would have written them itself."""
    past, _ = split(organisation(SEED, clock()), clock())
    with snapshot.open("wb") as file:
        file.write(header_line())
        file.writelines(encode(happening.record) for happening in past)


def _make_blocks(folder: Path, snapshot: Path, days: int) -> None:
    now = system_clock() // 1000
    last = now - now % BLOCK_STEP_SECONDS
    history = folder / "history.om"
    span = [f"--from={last - days * 86400}", f"--to={last}", f"--step={BLOCK_STEP_SECONDS}s"]
    with history.open("wb") as file:
        command = [sys.executable, "-m", "dora_exporter", "history", f"--snapshot.path={snapshot}", *span]
        command.append(f"--config.file={folder / 'groups.yaml'}")
        subprocess.run(command, check=True, stdout=file, timeout=120)
    create = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=744h"]
    subprocess.run([*create, history, folder / "tsdb"], check=True, capture_output=True, timeout=120)


def _deploy(daemon: RunningDaemon) -> None:
    now = system_clock() // 1000
    daemon.send("deployment", service="web-shop", env="production", version="2.0.0", started_at=now, finished_at=now)


def _send_something_new(daemon: RunningDaemon) -> None:
    now = system_clock() // 1000
    _deploy(daemon)
    daemon.send("failure", services=["notifications"], env="production", started_at=now)
    for hours in range(10, 70, 10):  # as many, and as long, as it takes to be worse than before
        span = {"started_at": now - hours * 3600, "finished_at": now - hours * 3600 + 30_000}
        daemon.send("failure", services=["notifications"], env="production", **span)
    refused = daemon.request("POST", "/api/v2/dora/deployment", json.dumps({"data": {}}).encode())
    assert refused.status == 400
