"""How fast events come in, one a request: durably against not at all kept, and against the pushgateway."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from tests.benchmarks.daemon import FORGETFUL, running_daemon
from tests.benchmarks.load import Load
from tests.benchmarks.peers import pushgateway
from tests.benchmarks.rounds import Goal, interleaved, ratio

from dora_exporter.runtime.clock import system_clock

ROUNDS = 7
CONNECTIONS = 32
GROUPS = {100: 8, 1_000: 80, 10_000: 800}
"""How many groups a pushgateway holds, and how many times its rate is to be reached."""

FEW_CONNECTIONS = 4
MANY_GROUPS = 10_000
"""With so many groups a push takes so long that more connections would only wait, beyond the end of the run."""


def measure(folder: Path) -> Iterator[Goal]:
    """The rows about ingest."""
    load = Load(folder)
    with running_daemon(folder, folder / "durable.jsonl") as durable:
        url, now_ms = durable.server.url, system_clock()
        single = partial(load.deployments, url, connections=CONNECTIONS, now_ms=now_ms)
        with running_daemon(folder, folder / "forgotten.jsonl", module=FORGETFUL) as forgetful:
            off = partial(load.deployments, forgetful.server.url, connections=CONNECTIONS, now_ms=now_ms)
            rates = interleaved({"durable": single, "off": off}, ROUNDS)
        kept = ratio(rates["durable"], rates["off"])
        yield Goal(
            f"durable ingest, {CONNECTIONS} keep-alive connections: against the same daemon with the log switched off",
            f"{median(rates['durable']):,.0f}/s against {median(rates['off']):,.0f}/s: {kept:.2f} x",
            "0.7 x",
            kept >= 0.7,
        )
        for groups, times in GROUPS.items():
            connections = FEW_CONNECTIONS if groups >= MANY_GROUPS else CONNECTIONS
            with pushgateway(folder, groups) as gateway:
                push = partial(load.groups, gateway.url, connections=connections, groups=groups)
                rates = interleaved({"durable": single, "gateway": push}, ROUNDS)
            reached = ratio(rates["durable"], rates["gateway"])
            yield Goal(
                f"durable ingest against prometheus-pushgateway as shipped with {groups:,} groups",
                f"{median(rates['durable']):,.0f}/s against {median(rates['gateway']):,.1f}/s: {reached:,.0f} x",
                f"{times} x",
                reached >= times,
            )
