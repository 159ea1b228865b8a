"""Replicas on a shared log in PostgreSQL: against the snapshot file, and against the clock."""

import http.client
import http.server
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from tests.benchmarks.crowd import crowd, write_snapshot
from tests.benchmarks.daemon import Daemon, running_daemon, start_daemon
from tests.benchmarks.load import Load
from tests.benchmarks.rounds import Goal, interleaved, ratio
from tests.storage.postgresql.cluster import Cluster, Database, cluster

from dora_exporter.runtime.clock import system_clock

EVENTS = int(os.environ.get("REPLICAS_EVENTS", "1000000"))
SERIES = 2_500
CONNECTIONS = 128
ROUNDS = 5
STARTS = 3
SEEN = 200
_LOOK_SECONDS = 0.005
_FAILOVER_SECONDS = 60
_TICKS = os.sysconf("SC_CLK_TCK")


def measure(folder: Path) -> Iterator[Goal]:
    """The rows about replicas."""
    with cluster() as server:
        yield _ingest(folder, server)
        yield _propagation(folder, server.create_database())
        yield _failover(folder, server.create_database())
        yield _start(folder, server.create_database())


def _replica(folder: Path, database: Database, name: str, **settings: object) -> Daemon:
    own = folder / name
    own.mkdir(exist_ok=True)
    return start_daemon(own, own / "snapshot", settings={"store": {"url": database.url()}, **settings})


@contextmanager
def _replicas(folder: Path, database: Database, count: int, **settings: object) -> Iterator[list[Daemon]]:
    with ExitStack() as running:
        members = []
        for number in range(count):
            member = _replica(folder, database, f"replica-{number}", **settings)
            running.callback(member.server.stop)
            running.callback(member.connection.close)
            members.append(member)
        yield members


def _ingest(folder: Path, server: Cluster) -> Goal:
    """How fast one of two replicas takes events, and what an event costs each and the database."""
    load = Load(folder)
    with (
        running_daemon(folder, folder / "file.jsonl") as file,
        _replicas(folder, server.create_database(), 2) as (accepting, following),
    ):
        send = partial(load.deployments, connections=CONNECTIONS, now_ms=system_clock())
        costs: list[list[float]] = []

        def through_database() -> float:
            programs = (
                partial(_cpu_seconds, accepting.server.process.pid),
                partial(_cpu_seconds, following.server.process.pid),
                partial(_family_cpu_seconds, server),
            )
            before = [each() for each in programs]
            rate = send(accepting.server.url)
            costs.append([(each() - was) / (rate * load.seconds) for each, was in zip(programs, before, strict=True)])
            return rate

        rates = interleaved({"file": lambda: send(file.server.url), "database": through_database}, ROUNDS)
    reached = ratio(rates["database"], rates["file"])
    micros = [median(each) * 1e6 for each in zip(*costs, strict=True)]
    return Goal(
        f"ingest through one of two replicas, {CONNECTIONS} connections: against the snapshot file",
        f"{median(rates['database']):,.0f}/s against {median(rates['file']):,.0f}/s: {reached:.2f} x; CPU an event: "
        f"{micros[0]:.0f} µs where it is accepted, {micros[1]:.0f} µs on a follower, {micros[2]:.0f} µs in PostgreSQL",
        "0.4 x",
        reached >= 0.4,
    )


def _propagation(folder: Path, database: Database) -> Goal:
    """How long after its answer an event is in the gauges of another replica."""
    seconds = []
    with _replicas(folder, database, 2) as (one, other):
        now_ms = system_clock() // 1000 * 1000 - 3_600_000
        for number in range(SEEN):
            one.deploy("checkout", "production", now_ms + number * 1000, f"1.{number}")
            acknowledged = time.perf_counter()
            while _last_deployment(other) != now_ms / 1000 + number:
                time.sleep(_LOOK_SECONDS)
            seconds.append(time.perf_counter() - acknowledged)
    slowest = quantiles(seconds, n=100)[98] * 1000
    return Goal(
        "an event acknowledged by one replica is in the gauges of another, p99",
        f"{slowest:.0f} ms (median {median(seconds) * 1000:.0f} ms)",
        "500 ms",
        slowest <= 500,
    )


def _last_deployment(daemon: Daemon) -> float | None:
    """The one sample of the family, None without one."""
    shown = daemon.ask("GET", "/metrics?name[]=dora_last_deployment_timestamp_seconds").splitlines()
    return next((float(line.rpartition(b" ")[2]) for line in shown if not line.startswith(b"#")), None)


def _leads(daemon: Daemon) -> bool:
    return b"dora_exporter_leader 1.0" in daemon.ask("GET", "/metrics")


def _failover(folder: Path, database: Database) -> Goal:
    """How long nobody polls after ``kill -9`` of the leader."""
    with _upstream() as (port, times):
        source = {"kind": "pagerduty", "base_url": f"http://127.0.0.1:{port}", "token": "none", "interval": "1s"}
        with _replicas(folder, database, 2, sources={"pd": source}) as members:
            _until(lambda: bool(times))
            _until(lambda: any(map(_leads, members)))  # the gauge may be a second old
            next(each for each in members if _leads(each)).server.kill()
            died = time.perf_counter()
            _until(lambda: times[-1] > died + 0.1)
            seconds = next(each for each in times if each > died + 0.1) - died
    return Goal("polling resumes after `kill -9` of the leader", f"{seconds:.1f} s", "15 s", seconds <= 15)


def _start(folder: Path, database: Database) -> Goal:
    """How long a start takes with many events, in the database against in the file."""
    snapshot = folder / "many.jsonl"
    write_snapshot(snapshot, crowd(1, system_clock(), events=EVENTS, series=SERIES, commits=False))
    _replica(folder, database, "first").server.stop()
    _copy(snapshot, folder, database)

    def start(begin: Callable[[], Daemon]) -> float:
        begun = time.perf_counter()
        daemon = begin()
        seconds = time.perf_counter() - begun
        daemon.connection.close()
        daemon.server.stop()
        return seconds

    seconds = interleaved(
        {
            "database": lambda: start(lambda: _replica(folder, database, "first")),
            "file": lambda: start(lambda: start_daemon(folder, snapshot)),
        },
        STARTS,
    )
    slower = ratio(seconds["database"], seconds["file"])
    return Goal(
        f"start with {EVENTS:,} events in the database: against in the snapshot file",
        f"{median(seconds['database']):.1f} s against {median(seconds['file']):.1f} s: {slower:.2f} x",
        "at most 3 x",
        slower <= 3,
    )


def _copy(snapshot: Path, folder: Path, database: Database) -> None:
    """Fills the log as replicas would have, but faster."""
    rows = folder / "rows.csv"
    with snapshot.open(encoding="utf-8") as lines, rows.open("w", encoding="utf-8") as table:
        next(lines)
        for position, line in enumerate(lines, start=1):
            record = json.loads(line)["rec"]
            body = line[27:-2].replace('"', '""')
            table.write(f'{position},{record["type"]},"{record["id"]}",{record["type"]},api,"{body}"\n')
    rows.chmod(0o644)
    database.sql(rf"\copy dora.log (position, about, id, kind, source, body) FROM '{rows}' CSV")
    database.sql(f"UPDATE dora.head SET position = {position}; ANALYZE dora.log")


@contextmanager
def _upstream() -> Iterator[tuple[int, list[float]]]:
    """A port where every request is refused, and when each came."""
    times: list[float] = []

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            times.append(time.perf_counter())
            self.send_error(http.client.BAD_REQUEST)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], times
        server.shutdown()


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.perf_counter() + _FAILOVER_SECONDS
    while not is_so():
        if time.perf_counter() > deadline:
            raise RuntimeError("nobody polls")
        time.sleep(_LOOK_SECONDS)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _family_cpu_seconds(server: Cluster) -> float:
    """Of the server and its children, which do not end meanwhile."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return sum(map(_cpu_seconds, [server.pid, *map(int, children)]))
