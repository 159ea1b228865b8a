"""How long a restart takes, from the start of the process until it answers, against loading models."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.crowd import crowd, write_snapshot
from tests.benchmarks.daemon import start_daemon
from tests.benchmarks.processes import SERVER_CORE, on_core
from tests.benchmarks.rounds import Goal, interleaved, ratio

from dora_exporter.clock import system_clock

EVENTS = 1_000_000
SERIES = 2_500
ROUNDS = 3


def measure(folder: Path) -> Iterator[Goal]:
    """The row about restarts."""
    snapshot = folder / "snapshot.jsonl"
    write_snapshot(snapshot, crowd(1, system_clock(), events=EVENTS, series=SERIES, commits=False))

    def restart() -> float:
        begun = time.perf_counter()
        daemon = start_daemon(folder, snapshot)
        seconds = time.perf_counter() - begun
        daemon.connection.close()
        daemon.server.stop()
        return seconds

    def load_models() -> float:
        command = on_core(SERVER_CORE, [sys.executable, "-m", "tests.benchmarks.plain_loading", str(snapshot)])
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun

    seconds = interleaved({"daemon": restart, "models": load_models}, ROUNDS)
    faster = ratio(seconds["models"], seconds["daemon"])
    yield Goal(
        f"restart with {EVENTS:,} events until ready: against json + pydantic models loading the same events",
        f"{median(seconds['daemon']):.1f} s against {median(seconds['models']):.1f} s: {faster:.1f} x",
        "8 x",
        faster >= 8,
    )
