"""What the daemon acknowledged it still has, whatever ended it."""

import asyncio
import http.client
import itertools
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from tests.e2e.daemon import Daemon, RunningDaemon, ask, event_body
from tests.e2e.disk import full, small_disk
from tests.oracle.gauges import Sample
from tests.storage.postgresql.waiting import until

from dora_exporter.runtime.clock import stopwatch, system_clock
from dora_exporter.storage.checkpoint import Checkpoints
from dora_exporter.storage.file import SnapshotFile

CRASHES = int(os.environ.get("CRASHES", "6"))
"""How many times the daemon is killed under load; CI says 40."""

WRITERS = 4
STOP_SECONDS = 5.0
HEALED_SECONDS = 30.0


def a_deployment(name: str) -> bytes:
    finished_at = system_clock() - 3_600_000
    return event_body(
        id=f"deployment-under-load-{name}",
        service="checkout",
        env="production",
        started_at=finished_at - 60_000,
        finished_at=finished_at,
    )


def endless(prefix: str) -> Iterator[str]:
    """Names that never repeat."""
    return (f"{prefix}-{number}" for number in itertools.count())


def write_until_cut(daemon: RunningDaemon, names: Iterator[str], acknowledged: list[str]) -> None:
    """Sends deployments over one connection and notes each acknowledgement, until the connection breaks."""
    with closing(daemon.connect()) as connection:
        for name in names:
            try:
                answer = ask(connection, "POST", "/api/v2/dora/deployment", a_deployment(name))
            except (http.client.HTTPException, OSError):
                return
            assert answer.status == http.client.OK, answer
            acknowledged.append(answer.json()["data"]["id"])


def kill_under_load(daemon: RunningDaemon, life: int, acknowledgements: int) -> list[str]:
    """Lets several writers write, kills the daemon amid that, and returns what it had acknowledged by then."""
    acknowledged: list[str] = []
    writers = [
        threading.Thread(
            target=write_until_cut,
            args=(daemon, endless(f"{life}-{writer}"), acknowledged),
        )
        for writer in range(WRITERS)
    ]
    for each in writers:
        each.start()
    while len(acknowledged) < acknowledgements and any(each.is_alive() for each in writers):
        writers[0].join(timeout=0.001)
    daemon.process.kill()
    for each in writers:
        each.join()
    return acknowledged


def missing(daemon: RunningDaemon, ids: list[str]) -> list[str]:
    """Those of the deployments that the daemon does not hold."""
    with closing(daemon.connect()) as connection:
        return [
            each for each in ids if ask(connection, "GET", f"/api/v2/dora/deployments/{each}").status != http.client.OK
        ]


def held(daemon: RunningDaemon) -> float:
    """How many of the deployments the daemon counts."""
    return daemon.sample("dora_deployments", service="checkout", environment="production", window="30d") or 0


def test_nothing_acknowledged_is_lost_when_the_daemon_is_killed_under_load(daemon: Daemon) -> None:
    everything: list[str] = []
    before: list[str] = []
    for life in range(CRASHES):
        with daemon.running() as alive:
            assert missing(alive, before) == []
            before = kill_under_load(alive, life, acknowledgements=1 + 13 * life % 97)
            everything += before
    with daemon.running() as alive:
        assert missing(alive, everything) == []
        assert held(alive) >= len(everything) > CRASHES


def test_a_restart_from_a_checkpoint_goes_on_where_it_was(daemon: Daemon) -> None:
    ids: list[str] = []
    with daemon.running() as alive:
        ids += kill_under_load(alive, 1, acknowledgements=50)
    make_checkpoint(daemon.snapshot)
    for life in (2, 3):
        with daemon.running() as alive:
            assert "checkpoint ignored" not in alive.process.text
            assert missing(alive, ids) == []
            assert held(alive) >= len(ids)
            ids += kill_under_load(alive, life, acknowledgements=50)
    with daemon.running() as alive:
        from_checkpoint = _gauges(alive)
        assert alive.process.stop() == 0
    daemon.snapshot.with_name(f"{daemon.snapshot.name}.checkpoint").unlink()
    with daemon.running() as alive:
        assert _gauges(alive) == from_checkpoint


def make_checkpoint(snapshot: Path) -> None:
    """Has one made, as the daemon does when the file is worth it."""

    async def made() -> bool:
        log = SnapshotFile(snapshot)
        log.open()
        async for _ in log.replay():
            pass
        size = log.statistics()
        await log.start(lambda _: [])
        await log.close()
        return await Checkpoints(snapshot).make(size)

    assert asyncio.run(made())


def test_a_restart_changes_no_gauge(daemon: Daemon) -> None:
    now_ms = system_clock()
    with daemon.running() as alive:
        alive.send("deployment", service="checkout", started_at=now_ms - 9_000_000, finished_at=now_ms - 8_000_000)
        alive.send("failure", services=["checkout", "cart"], started_at=now_ms - 8_500_000, team="crew")
        before = _gauges(alive)
        assert alive.process.stop() == 0
    with daemon.running() as alive:
        assert _gauges(alive) == before
    assert before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_it_in_time_although_clients_are_stuck(running: RunningDaemon, number: int) -> None:
    running.send("deployment", service="checkout", started_at=system_clock() - 2, finished_at=system_clock() - 1)
    with ExitStack() as stack:
        half_a_head, half_a_body, silent, deaf = (
            stack.enter_context(socket.create_connection((running.host, running.port))) for _ in range(4)
        )
        half_a_head.sendall(b"POST /api/v2/dora/deployment HTTP/1.1\r\nHost: x\r\n")
        half_a_body.sendall(
            b"POST /api/v2/dora/deployment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000\r\n\r\n{"
        )
        deaf.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 500)
        silent.sendall(b"")
        assert running.get("/-/healthy").status == http.client.OK
        running.process.signal(number)
        until(lambda: not running.process.is_running, seconds=STOP_SECONDS)
        assert running.process.wait() == 0
    assert "Traceback" not in running.process.text


def test_a_second_daemon_on_the_same_snapshot_is_refused(daemon: Daemon, running: RunningDaemon) -> None:
    assert running.get("/-/ready").status == http.client.OK
    with pytest.raises(AssertionError, match=r"(?i)lock|use"), daemon.running():
        pass


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that can be filled."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder):
        yield folder


def test_a_full_disk_refuses_writes_serves_scrapes_and_heals_by_itself(disk: Path) -> None:
    daemon = Daemon(disk)
    with daemon.running() as alive:
        assert _write(alive, "before") == http.client.OK
        with full(disk, alive.process.pid):
            names = endless("on-a-full-disk")
            acknowledged = list(itertools.takewhile(lambda name: _write(alive, name) == http.client.OK, names))
            assert _write(alive, "refused") == http.client.SERVICE_UNAVAILABLE
            assert held(alive) == 1 + len(acknowledged)
        healed = _first_accepted(alive)
        alive.process.kill()
    with daemon.running() as alive:
        ids = [f"deployment-under-load-{name}" for name in ("before", *acknowledged, healed)]
        assert missing(alive, ids) == []


def _write(daemon: RunningDaemon, name: str) -> int:
    return daemon.request("POST", "/api/v2/dora/deployment", a_deployment(name)).status


def _first_accepted(daemon: RunningDaemon) -> str:
    """Writes until one is accepted again, as a client that retries would."""
    deadline = stopwatch() + HEALED_SECONDS
    names = endless("healed")
    while _write(daemon, name := next(names)) != http.client.OK:
        assert stopwatch() < deadline, daemon.process.text
    return name


def _gauges(daemon: RunningDaemon) -> dict[Sample, float]:
    """The gauges that follow from events, but for one that is collected once a second at most."""
    return {
        (name, labels): value
        for (name, labels), value in daemon.samples().items()
        if name.startswith("dora_") and not name.startswith(("dora_exporter_", "dora_environment_info"))
    }
