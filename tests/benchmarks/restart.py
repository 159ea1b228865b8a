"""How long a restart takes, from the start of the process until it answers, against loading models.

A daemon that has run for some minutes has a checkpoint beside its snapshot file. One is let run until it has, and
killed; then restarts are timed that follow an orderly stop and a kill in turn. The first start of all, from nothing
but the snapshot file, is timed too.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from statistics import median

from tests.benchmarks.crowd import crowd, write_snapshot
from tests.benchmarks.daemon import Daemon, start_daemon
from tests.benchmarks.processes import SERVER_CORE, Server, on_core
from tests.benchmarks.rounds import Goal, interleaved, ratio

from dora_exporter.runtime.clock import system_clock

EVENTS = 1_000_000
SERIES = 2_500
ROUNDS = 4
_CHECKPOINT_SECONDS = 300
_LOOK_SECONDS = 0.1


def measure(folder: Path) -> Iterator[Goal]:
    """The row about restarts."""
    snapshot = folder / "snapshot.jsonl"
    write_snapshot(snapshot, crowd(1, system_clock(), events=EVENTS, series=SERIES, commits=False))

    daemon, first = _timed_start(folder, snapshot)
    _await_checkpoint(snapshot)
    daemon.server.kill()
    ends = cycle([Server.stop, Server.kill])

    def restart() -> float:
        daemon, seconds = _timed_start(folder, snapshot)
        next(ends)(daemon.server)
        return seconds

    def load_models() -> float:
        command = on_core(SERVER_CORE, [sys.executable, "-m", "tests.benchmarks.plain_loading", str(snapshot)])
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun

    seconds = interleaved({"daemon": restart, "models": load_models}, ROUNDS)
    faster = ratio(seconds["models"], seconds["daemon"])
    yield Goal(
        f"restart with {EVENTS:,} events until ready, after a stop or a kill: against json + pydantic models loading "
        f"the same events (the first start, from the snapshot file alone: {first:.1f} s)",
        f"{median(seconds['daemon']):.1f} s against {median(seconds['models']):.1f} s: {faster:.1f} x",
        "3.5 x",
        faster >= 3.5,
    )


def _timed_start(folder: Path, snapshot: Path) -> tuple[Daemon, float]:
    begun = time.perf_counter()
    daemon = start_daemon(folder, snapshot)
    seconds = time.perf_counter() - begun
    daemon.connection.close()
    return daemon, seconds


def _await_checkpoint(snapshot: Path) -> None:
    """Waits until the daemon has had its checkpoint made, as it does within minutes."""
    deadline = time.monotonic() + _CHECKPOINT_SECONDS
    while not snapshot.with_name(f"{snapshot.name}.checkpoint").exists():
        if time.monotonic() > deadline:
            raise RuntimeError("no checkpoint was made")
        time.sleep(_LOOK_SECONDS)
