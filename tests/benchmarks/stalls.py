"""How long the event loop is kept: idle, and while it is scraped, written to and its snapshot file compacted."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.crowd import ENVIRONMENTS, crowd, service_of, write_snapshot
from tests.benchmarks.daemon import WATCHED, Daemon, running_daemon
from tests.benchmarks.rounds import Goal, interleaved

from dora_exporter.runtime.clock import system_clock

EVENTS = 1_000_000
SERIES = 2_500
ROUNDS = 7
IDLE_SECONDS = 5
SCRAPE_SECONDS = 0.5
LIMIT_MS = 25

_REPORT = re.compile(r"longest turn ([\d.]+) ms, worst stall ([\d.]+) ms")
_COMPACTED = re.compile(r"snapshot file compacted|compaction failed")
_LOOK_SECONDS = 0.01


def measure(folder: Path) -> Iterator[Goal]:
    """The row about stalls."""
    snapshot = folder / "snapshot.jsonl"
    write_snapshot(snapshot, crowd(1, system_clock(), events=EVENTS, series=SERIES, commits=True))
    with running_daemon(folder, snapshot, module=WATCHED, core=None) as daemon:
        watch = Watch(daemon)
        watch.busy()
        stalls = interleaved({"idle": watch.idle, "busy": watch.busy}, ROUNDS)
    beyond = median(busy - idle for busy, idle in zip(stalls["busy"], stalls["idle"], strict=True))
    yield Goal(
        f"worst stall of the event loop beyond an idle loop, scrapes, writes and compaction with {EVENTS:,} events "
        f"(median of {ROUNDS})",
        f"{median(stalls['busy']):.1f} ms, idle {median(stalls['idle']):.1f} ms: {beyond:.1f} ms",
        f"at most {LIMIT_MS} ms",
        beyond <= LIMIT_MS,
    )


class Watch:
    """Asks the watched daemon for its worst stalls."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def idle(self) -> float:
        """The worst while nothing happens, in milliseconds."""
        self._report()
        time.sleep(IDLE_SECONDS)
        return self._report()[1]

    def busy(self) -> float:
        """The worst of a compaction with scrapes and writes meanwhile, in milliseconds."""
        self._report()
        compactions = self._count(_COMPACTED)
        self._daemon.server.process.send_signal(signal.SIGUSR2)
        while self._count(_COMPACTED) == compactions:
            now_ms = system_clock()
            self._daemon.deploy(service_of(0), ENVIRONMENTS[0], now_ms, f"1.{now_ms}.0")
            self._daemon.scrape()
            time.sleep(SCRAPE_SECONDS)
        return self._report()[1]

    def longest_turn(self, work: Callable[[], object]) -> float:
        """The most of the processor's time in a piece while something is asked of the daemon, in milliseconds."""
        self._report()
        work()
        return self._report()[0]

    def _report(self) -> tuple[float, float]:
        """The longest turn and the worst stall that the daemon reports now, after which it begins anew."""
        reports = self._count(_REPORT)
        self._daemon.server.process.send_signal(signal.SIGUSR1)
        while self._count(_REPORT) == reports:
            time.sleep(_LOOK_SECONDS)
        turn, stall = _REPORT.findall(self._said())[-1]
        return float(turn), float(stall)

    def _count(self, pattern: re.Pattern[str]) -> int:
        return len(pattern.findall(self._said()))

    def _said(self) -> str:
        return self._daemon.log.read_text(errors="replace")
