"""What reading the numbers costs people and programs: pages, a team's quarter as JSON, and a badge."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from tests.benchmarks.crowd import ENVIRONMENTS, crowd, service_of, write_snapshot
from tests.benchmarks.daemon import WATCHED, Daemon, running_daemon
from tests.benchmarks.rounds import Goal
from tests.benchmarks.stalls import LIMIT_MS, Watch

from dora_exporter.dora.events import DAY_MS
from dora_exporter.runtime.clock import system_clock

EVENTS = 1_000_000
SERIES = 2_500
REQUESTS = 30
PAGE_MS, PAGE_KB, QUARTER_MS, BADGE_MS, NAMES_MS = 150, 300, 200, 10, 500
_QUARTER_DAYS = 91
_CATALOGUE: Mapping[str, object] = {"services": {"checkout": {}}}
"""Of the services that events name, none has an entry."""


def measure(folder: Path) -> Iterator[Goal]:
    """The rows, with one event more before each request."""
    now_ms = system_clock()
    snapshot = folder / "snapshot.jsonl"
    write_snapshot(snapshot, crowd(1, now_ms, events=EVENTS, series=SERIES, commits=True))
    badge = f"/badge/{service_of(0)}/{ENVIRONMENTS[0]}/change_failure_rate.svg"
    held = f"with {EVENTS:,} events in {SERIES:,} series"
    with running_daemon(folder, snapshot, settings=_CATALOGUE) as daemon:
        kilobytes = len(daemon.ask("GET", "/")) / 1000
        yield Goal(f"size of the first page {held}", f"{kilobytes:.0f} kB", f"{PAGE_KB} kB", kilobytes < PAGE_KB)
        yield _within(f"the first page {held}, median", median, _times(daemon, lambda _: "/"), PAGE_MS)
        yield _within("numbers of a team over a quarter as JSON, p99", _p99, _times(daemon, _quarter), QUARTER_MS)
        yield _within("a badge, median", median, _times(daemon, lambda _: badge), BADGE_MS)
        yield _within(
            f"the names without an entry {held}, median", median, _times(daemon, lambda _: "/names"), NAMES_MS
        )
    with running_daemon(folder, snapshot, module=WATCHED, settings=_CATALOGUE) as daemon:
        for what, path in (("the first page", "/"), ("the page of names", "/names")):
            turn = Watch(daemon).longest_turn(partial(_times, daemon, partial(_same, path)))
            yield Goal(
                f"worst stall of the event loop while {what} is drawn, the first time too, of processor time, {held}",
                f"{turn:.1f} ms",
                f"at most {LIMIT_MS} ms",
                turn <= LIMIT_MS,
            )


def _within(what: str, of: Callable[[list[float]], float], times: list[float], limit_ms: int) -> Goal:
    return Goal(
        f"{what} of {len(times)}, one event since the last",
        f"{of(times):.1f} ms (longest {max(times):.1f} ms)",
        f"under {limit_ms} ms",
        of(times) < limit_ms,
    )


def _same(path: str, _moment_ms: int) -> str:
    return path


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100, method="inclusive")[-1]


def _quarter(until_ms: int) -> str:
    """The quarter until a moment, of one team."""
    first, last = (
        datetime.fromtimestamp(each / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for each in (until_ms - _QUARTER_DAYS * DAY_MS, until_ms)
    )
    return f"/api/v1/numbers?team=team-00&environment=production&from={first}&to={last}"


def _times(daemon: Daemon, path: Callable[[int], str]) -> list[float]:
    """Milliseconds of each request, after one that is not counted; the path is that of a moment."""
    daemon.ask("GET", path(system_clock()))
    times = []
    for _ in range(REQUESTS):
        now_ms = system_clock()
        daemon.deploy(service_of(0), ENVIRONMENTS[0], now_ms, f"1.{now_ms}.0")
        asked = path(now_ms)
        begun = time.perf_counter()
        daemon.ask("GET", asked)
        times.append((time.perf_counter() - begun) * 1000)
    return times
