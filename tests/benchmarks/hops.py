"""How many modules a request passes: those that a profile of the running daemon sees entered."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path

from tests.benchmarks.daemon import Daemon, start_daemon
from tests.benchmarks.rounds import Goal

from dora_exporter.runtime.clock import system_clock

ENTERED = "tests.benchmarks.entered"
MOST_OF_A_POST = 20
MOST_OF_A_SCRAPE = 45

_ROUNDS = 5
"""What runs meanwhile by itself is not entered in each of them."""

_REPORT = re.compile(r"^entered (.*) \.$", re.MULTILINE)
_LOOK_SECONDS = 0.01


def measure(folder: Path) -> Iterator[Goal]:
    """The rows about modules."""
    for what, most, entered in zip(
        ("modules that a POST of one deployment passes", "modules that a scrape after one write passes"),
        (MOST_OF_A_POST, MOST_OF_A_SCRAPE),
        hops(folder),
        strict=True,
    ):
        yield Goal(what, str(len(entered)), f"at most {most}", len(entered) <= most)


def hops(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The modules that a POST of a deployment enters, and those that a scrape after it does."""
    daemon = start_daemon(folder, folder / "hops.jsonl", module=ENTERED, core=None)
    try:
        with closing(daemon.connection):
            return _hops(daemon)
    finally:
        daemon.server.stop()


def _hops(daemon: Daemon) -> tuple[frozenset[str], frozenset[str]]:
    versions, posts, scrapes = count(), [], []
    for _ in range(_ROUNDS + 1):  # the first ones fill caches
        posts.append(_entered(daemon, partial(daemon.deploy, "checkout", "prod", system_clock(), f"v{next(versions)}")))
        scrapes.append(_entered(daemon, daemon.scrape))
    return frozenset.intersection(*posts[1:]), frozenset.intersection(*scrapes[1:])


def _entered(daemon: Daemon, ask: Callable[[], object]) -> frozenset[str]:
    _report(daemon)
    ask()
    return _report(daemon)


def _report(daemon: Daemon) -> frozenset[str]:
    reports = len(_REPORT.findall(daemon.log.read_text()))
    daemon.server.process.send_signal(signal.SIGUSR1)
    while len(found := _REPORT.findall(daemon.log.read_text())) == reports:
        time.sleep(_LOOK_SECONDS)
    return frozenset(found[-1].split())
