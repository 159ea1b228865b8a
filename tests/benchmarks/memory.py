"""The memory that an event takes, with everything that the daemon keeps beside it."""

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.crowd import crowd, write_snapshot
from tests.benchmarks.daemon import running_daemon
from tests.benchmarks.rounds import Goal

from dora_exporter.runtime.clock import system_clock

EVENTS = 1_000_000
SERIES = 2_500
LIMIT_BYTES = 700


def measure(folder: Path) -> Iterator[Goal]:
    """The row about memory: the whole process after a scrape, divided by the events."""
    snapshot = folder / "snapshot.jsonl"
    write_snapshot(snapshot, crowd(1, system_clock(), events=EVENTS, series=SERIES, commits=False))
    with running_daemon(folder, snapshot) as daemon:
        samples = daemon.samples()
        resident = daemon.server.resident_bytes
    each = resident / EVENTS
    yield Goal(
        f"memory, {EVENTS:,} events with id, SHA, repository, version and team in {SERIES:,} series, {samples:,} "
        f"samples, everything included",
        f"{resident / 1e6:,.0f} MB: {each:.0f} bytes per event",
        f"at most {LIMIT_BYTES} bytes",
        each <= LIMIT_BYTES,
    )
