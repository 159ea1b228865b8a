"""A clock that is wrong for a while, or on one replica, destroys nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.daemon import Daemon, RunningDaemon
from tests.e2e.wrong_clock import WallClock
from tests.storage.postgresql.cluster import Cluster, cluster
from tests.storage.postgresql.waiting import until

from dora_exporter.runtime.clock import system_clock

pytestmark = pytest.mark.e2e

SENT = 60
HELD = SENT + SENT // 3
AHEAD_DAYS = 500
COMPACTED = "compacted"


def send_all(daemon: RunningDaemon) -> None:
    """Deployments and incidents of three series in the last minutes."""
    now = system_clock() // 1000
    for number in range(SENT):
        about = {"service": f"s{number % 3}", "env": "prod", "started_at": now - 1000 + number}
        daemon.send("deployment", id=f"deployment-{number:06}", finished_at=now - 990 + number, **about)
        if not number % 3:
            daemon.send("failure", id=f"incident-id-{number:06}", finished_at=now - 900 + number, **about)


def held(daemon: RunningDaemon) -> float:
    """How many events the daemon holds."""
    return sum(daemon.sample("dora_exporter_events_held", kind=kind) or 0.0 for kind in ("deployment", "incident"))


def has_all(daemon: RunningDaemon) -> bool:
    return held(daemon) == HELD


def numbers(daemon: RunningDaemon) -> dict[object, float]:
    """The gauges of the events."""
    return {key: value for key, value in daemon.samples().items() if key[0] in {"dora_deployments", "dora_incidents"}}


def test_a_clock_that_jumps_ahead_for_a_while_loses_nothing(tmp_path: Path) -> None:
    clock = WallClock(tmp_path)
    daemon = Daemon(tmp_path, environment=clock.environment)
    with daemon.running() as running:
        send_all(running)
        shown = numbers(running)
        clock.set_ahead(days=AHEAD_DAYS)
        until(lambda: COMPACTED in running.process.text)
        clock.set_ahead(days=0)
        assert numbers(running) == shown
        assert running.process.stop() == 0
    with daemon.running() as again:
        assert numbers(again) == shown
        until(lambda: has_all(again))


def test_a_start_with_a_clock_ahead_loses_nothing(tmp_path: Path) -> None:
    clock = WallClock(tmp_path)
    daemon = Daemon(tmp_path, environment=clock.environment)
    with daemon.running() as running:
        send_all(running)
        shown = numbers(running)
    clock.set_ahead(days=AHEAD_DAYS)
    with daemon.running() as wrong:
        clock.set_ahead(days=AHEAD_DAYS + 2)  # makes what is due by the clock run at once
        until(lambda: COMPACTED in wrong.process.text)
        assert wrong.process.stop() == 0
    clock.set_ahead(days=0)
    with daemon.running() as again:
        assert numbers(again) == shown


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Cluster]:
    with cluster() as started:
        yield started


def test_one_replica_with_a_clock_ahead_loses_nothing(tmp_path: Path, postgresql: Cluster) -> None:
    database = postgresql.create_database()
    settings = {"store": {"url": database.url()}}
    folders = [tmp_path / "right", tmp_path / "wrong"]
    for folder in folders:
        folder.mkdir()
    clock = WallClock(folders[1])
    with Daemon(folders[0], settings).running() as right:
        send_all(right)
        shown = numbers(right)
        assert right.process.stop() == 0
    database.sql("UPDATE dora.head SET compacted_at = compacted_at - interval '25 hours'")
    database.sql("UPDATE dora.log SET at = at - interval '1 hour'")
    clock.set_ahead(days=AHEAD_DAYS)
    with Daemon(folders[1], settings, environment=clock.environment).running() as wrong:
        until(lambda: wrong.sample("dora_exporter_leader") == 1.0)
        clock.set_ahead(days=AHEAD_DAYS + 2)
        until(lambda: COMPACTED in wrong.process.text)
        with Daemon(folders[0], settings).running() as right:
            assert numbers(right) == shown
            until(lambda: has_all(right))
