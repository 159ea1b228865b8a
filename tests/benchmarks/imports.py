"""How soon events that came in bulk are in the gauges, against a start from a file that holds them."""

import gzip
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread

from tests.benchmarks.crowd import crowd, write_snapshot
from tests.benchmarks.daemon import Daemon, running_daemon
from tests.benchmarks.rounds import Goal

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.runtime.clock import system_clock

EVENTS = 1_000_000
SERIES = 2_500
PER_REQUEST = 2000
_LOOK_SECONDS = 0.2
_NEARLY_ALL = 0.999
"""Some leave the window meanwhile."""
_WIDEST = b'window="90d"'


def measure(folder: Path) -> Iterator[Goal]:
    """The rows about an import."""
    events = list(crowd(1, system_clock(), events=EVENTS, series=SERIES, commits=False))
    bodies = ["\n".join(map(_line, events[first : first + PER_REQUEST])) for first in range(0, EVENTS, PER_REQUEST)]
    write_snapshot(folder / "kept.jsonl", iter(events))
    del events
    began = time.monotonic()
    with running_daemon(folder, folder / "kept.jsonl") as daemon:
        wanted = _deployments(daemon)
        started = time.monotonic() - began
    with running_daemon(folder, folder / "imported.jsonl") as daemon:
        imported, longest = _import(daemon, bodies, wanted)
    yield Goal(
        f"{EVENTS:,} events in bulk: from the last answer until all are in the gauges, against a start from the file",
        f"{imported:.1f} s against {started:.1f} s: {imported / started:.2f} x",
        "1.5 x",
        imported <= 1.5 * started,
    )
    yield Goal(
        "the longest scrape during that import, and until all is in the gauges",
        f"{longest:.2f} s",
        "1 s",
        longest <= 1,
    )


def _import(daemon: Daemon, bodies: Sequence[str], wanted: int) -> tuple[float, float]:
    """Seconds from the end of the import until all is in the gauges, and those of the longest scrape."""
    sender = Thread(target=_send, args=(Daemon(daemon.server, daemon.log), bodies))
    sender.start()
    longest, ended = 0.0, None
    while True:
        is_sent = not sender.is_alive()
        if is_sent and ended is None:
            ended = time.monotonic()
        began = time.monotonic()
        shown = _deployments(daemon)
        longest = max(longest, time.monotonic() - began)
        if ended is not None and is_sent and shown >= _NEARLY_ALL * wanted:
            return time.monotonic() - ended, longest
        time.sleep(_LOOK_SECONDS)


def _send(daemon: Daemon, bodies: Sequence[str]) -> None:
    for body in bodies:
        daemon.ask("POST", "/api/v1/events", body.encode(), {"Content-Type": "application/x-ndjson"})
    daemon.connection.close()


def _deployments(daemon: Daemon) -> int:
    """Those of the widest window, of all series."""
    lines = gzip.decompress(daemon.scrape()).splitlines()
    shown = [each for each in lines if each.startswith(b"dora_deployments{") and _WIDEST in each]
    return sum(int(float(each.rsplit(b" ", 1)[1])) for each in shown)


def _line(event: Deployment | Incident) -> str:
    attributes: dict[str, object] = {
        "id": event.id,
        "env": event.environment,
        "started_at": event.started_at,
        "finished_at": event.finished_at,
        "team": event.team,
    }
    if isinstance(event, Deployment):
        git = {"commit_sha": event.commit_sha, "repository_url": f"https://{event.repository}"}
        attributes |= {"service": event.service, "version": event.version, "git": git}
        return json.dumps({"type": "deployment", "attributes": attributes})
    return json.dumps({"type": "failure", "attributes": attributes | {"services": event.services}})
