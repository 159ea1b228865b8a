"""A real Prometheus reads from the daemon what the oracle computes, in every digit."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.builders import HOUR_MS, deployment, incident
from tests.e2e.daemon import Daemon, RunningDaemon
from tests.e2e.programs import program
from tests.e2e.prometheus import Prometheus, prometheus
from tests.oracle.comparing import differences
from tests.oracle.gauges import expected
from tests.storage.postgresql.waiting import until

from dora_exporter.dora.events import DAY_MS, Commit, Deployment, Incident
from dora_exporter.runtime.clock import system_clock

pytestmark = pytest.mark.e2e

WINDOWS = [("7d", 7 * DAY_MS), ("30d", 30 * DAY_MS)]
RETENTION_MS = 400 * DAY_MS


def a_month(now_ms: int) -> tuple[list[Deployment], list[Incident]]:
    """A history whose moments are all hours away from the borders of the windows."""

    def ago(hours: float) -> int:
        return now_ms - int(hours * HOUR_MS)

    deployments = [
        deployment(finished_at=ago(500), version="v1", commits=(Commit("a" * 40, ago(523.7)),)),
        deployment(finished_at=ago(100), version="v2", commits=(Commit("b" * 40, ago(131.3)),)),
        deployment(finished_at=ago(70), version="v3", commits=(Commit("c" * 40, ago(71)), Commit("d" * 40, ago(99)))),
        deployment(finished_at=ago(69), version="v1", team="crew"),
        deployment(finished_at=ago(50), service="cart", environment="staging"),
        deployment(finished_at=ago(50), service='a "quoted"\\name é'),
        deployment(finished_at=ago(50), id="same-second-number-two", service="cart", environment="staging"),
    ]
    incidents = [
        incident(started_at=ago(99.9), finished_at=ago(98.6), team="crew"),
        incident(started_at=ago(68), finished_at=ago(66.6), services=("cart", "checkout")),
        incident(started_at=ago(30), services=("cart",), environment="staging"),
        incident(started_at=ago(600), services=("checkout",)),
        incident(started_at=ago(20), finished_at=ago(19.3), services=(), team="crew"),
    ]
    return deployments, incidents


def send(daemon: RunningDaemon, deployments: list[Deployment], incidents: list[Incident]) -> None:
    for each in deployments:
        commits = [{"sha": commit.sha, "timestamp": commit.authored_at} for commit in each.commits or ()]
        facts: dict[str, object] = {"version": each.version, "team": each.team, "commits": commits or None}
        daemon.send(
            "deployment",
            id=each.id,
            service=each.service,
            env=each.environment,
            started_at=each.started_at,
            finished_at=each.finished_at,
            **{name: value for name, value in facts.items() if value is not None},
        )
    for trouble in incidents:
        optional: dict[str, object] = {
            "finished_at": trouble.finished_at,
            "team": trouble.team,
            "services": list(trouble.services) or None,
        }
        daemon.send(
            "failure",
            id=trouble.id,
            env=trouble.environment,
            started_at=trouble.started_at,
            **{name: value for name, value in optional.items() if value is not None},
        )


@pytest.fixture
def scraped(tmp_path: Path) -> Iterator[tuple[RunningDaemon, Prometheus]]:
    """A daemon without events and the Prometheus that scrapes it."""
    with (
        Daemon(tmp_path, {"windows": [text for text, _ in WINDOWS]}).running() as daemon,
        prometheus(tmp_path, daemon.port) as server,
    ):
        yield daemon, server


def test_prometheus_reads_every_gauge_as_the_oracle_computes_it(
    scraped: tuple[RunningDaemon, Prometheus],
) -> None:
    daemon, server = scraped
    now_ms = system_clock()
    events = a_month(now_ms)
    send(daemon, *events)
    wanted = expected(*events, now_ms=now_ms, windows=WINDOWS, retention_ms=RETENTION_MS)

    # What a label lacks and what it has empty are one thing to Prometheus.
    wanted = {(name, frozenset(pair for pair in labels if pair[1])): value for (name, labels), value in wanted.items()}
    families = "|".join(sorted({name for name, _ in wanted}))

    def what_differs() -> object:
        return differences(server.query(f'{{__name__=~"{families}"}}'), wanted)

    until(lambda: not what_differs(), otherwise=what_differs)


def test_a_scrape_passes_promtools_lint(running: RunningDaemon) -> None:
    send(running, *a_month(system_clock()))
    scrape = running.get("/metrics").body
    lint = subprocess.run(
        [program("promtool"), "check", "metrics"], input=scrape, capture_output=True, check=False, timeout=30
    )
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, b"", b"")
