"""Ends the daemon with ``kill -9`` under load again and again, and looks for events that it had acknowledged."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import aiohttp
from tests.benchmarks.daemon import start_daemon
from tests.benchmarks.rounds import Goal

from dora_exporter.clock import system_clock
from dora_exporter.events import Deployment
from dora_exporter.snapshot import read

KILLS = 100
CLIENTS = 16
SHORTEST_SECONDS, LONGEST_SECONDS = 0.1, 0.6


def measure(folder: Path) -> Iterator[Goal]:
    """The row about lost events."""
    snapshot = folder / "snapshot.jsonl"
    random = Random(1)
    acknowledged: set[str] = set()
    for number in range(KILLS):
        daemon = start_daemon(folder, snapshot)
        daemon.connection.close()
        load = _Load(daemon.server.url, number)
        asyncio.run(load.run(random.uniform(SHORTEST_SECONDS, LONGEST_SECONDS), daemon.server.kill))
        acknowledged |= load.acknowledged
    daemon = start_daemon(folder, snapshot)
    daemon.connection.close()
    daemon.server.stop()
    lost = acknowledged - set(_kept(snapshot))
    yield Goal(
        f"{KILLS} kill -9 under load ({CLIENTS} clients)",
        f"{len(lost)} of {len(acknowledged):,} acknowledged events lost",
        "0",
        not lost,
    )
