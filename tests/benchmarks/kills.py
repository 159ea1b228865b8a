"""Ends the daemon with ``kill -9`` under load again and again, and looks for events that it had acknowledged."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import aiohttp
from tests.benchmarks.daemon import start_daemon
from tests.benchmarks.rounds import Goal

from dora_exporter.dora.events import Deployment
from dora_exporter.runtime.clock import system_clock
from dora_exporter.storage.file import read

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


def _kept(snapshot: Path) -> Iterator[str]:
    """The ids of the deployments that a restart finds."""
    for record in read(snapshot):
        if isinstance(record, Deployment):
            yield record.id


class _Load:
    """Clients that report deployments as fast as they can, and remember which were acknowledged."""

    def __init__(self, url: str, number: int) -> None:
        self._url = f"{url}/api/v2/dora/deployment"
        self._number = number
        self.acknowledged: set[str] = set()

    async def run(self, seconds: float, kill: Callable[[], None]) -> None:
        """Reports for some time, until the server is killed."""
        async with aiohttp.ClientSession() as session:
            clients = [asyncio.create_task(self._report(session, client)) for client in range(CLIENTS)]
            await asyncio.sleep(seconds)
            await asyncio.to_thread(kill)
            await asyncio.gather(*clients)

    async def _report(self, session: aiohttp.ClientSession, client: int) -> None:
        now_ms = system_clock()
        for count in itertools.count():
            id_ = f"kill-{self._number:03}-{client:02}-{count:06}"
            attributes = {"id": id_, "service": "checkout", "started_at": now_ms, "finished_at": now_ms}
            try:
                async with session.post(self._url, json={"data": {"attributes": attributes}}) as answer:
                    await answer.read()
                    if answer.ok:
                        self.acknowledged.add(id_)
            except aiohttp.ClientError:
                return
