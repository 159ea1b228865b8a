"""How fast many events at once come in, against one a request, each time into a new daemon."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

from tests.benchmarks.daemon import running_daemon
from tests.benchmarks.load import Load
from tests.benchmarks.rounds import Goal, interleaved, ratio

from dora_exporter.runtime.clock import system_clock

ROUNDS = 7
CONNECTIONS = 32
BULK_CONNECTIONS = 4
LEAST_A_SECOND = 80_000
SECONDS = 4
"""In which a million events come in bulk: more would be about a daemon that compacts its file meanwhile."""


def measure(folder: Path) -> Iterator[Goal]:
    """The row about bulk ingest."""
    load, numbers = Load(folder, seconds=SECONDS), count()

    def into_a_new_daemon(send: Callable[..., float]) -> float:
        with running_daemon(folder, folder / f"daemon-{next(numbers)}.jsonl") as daemon:
            return send(daemon.server.url, now_ms=system_clock())

    bulk = partial(into_a_new_daemon, partial(load.bulk, connections=BULK_CONNECTIONS))
    single = partial(into_a_new_daemon, partial(load.deployments, connections=CONNECTIONS))
    rates = interleaved({"bulk": bulk, "single": single}, ROUNDS)
    reached = ratio(rates["bulk"], rates["single"])
    yield Goal(
        "bulk ingest (NDJSON), durable: against one event a request, each into a new daemon",
        f"{median(rates['bulk']):,.0f} against {median(rates['single']):,.0f} events/s: {reached:.1f} x",
        f"8 x and {LEAST_A_SECOND:,}/s",
        reached >= 8 and median(rates["bulk"]) >= LEAST_A_SECOND,
    )
