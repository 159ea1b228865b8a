"""What a scrape costs: against computing it anew, against fewer events, against nginx with a ready-made file."""

import gzip
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from os import sched_setaffinity
from pathlib import Path
from statistics import median

from prometheus_client.parser import text_string_to_metric_families
from tests.benchmarks.crowd import ENVIRONMENTS, crowd, service_of, write_snapshot
from tests.benchmarks.daemon import Daemon, running_daemon
from tests.benchmarks.load import Load
from tests.benchmarks.naive import NaiveExporter
from tests.benchmarks.peers import nginx
from tests.benchmarks.processes import SERVER_CORE
from tests.benchmarks.rounds import Goal, interleaved, ratio

from dora_exporter.runtime.clock import system_clock

EVENTS = 1_000_000
FEW_EVENTS = 10_000
SERIES = 2_500
SEED = 1
ROUNDS = 7
SCRAPES_A_ROUND = 5

_LEAST_EQUAL = 0.99


def measure(folder: Path) -> Iterator[Goal]:
    """The three rows about scrapes."""
    now_ms = system_clock()
    many, few = folder / "many.jsonl", folder / "few.jsonl"
    write_snapshot(many, crowd(SEED, now_ms, events=EVENTS, series=SERIES, commits=True))
    write_snapshot(few, crowd(SEED, now_ms, events=FEW_EVENTS, series=SERIES, commits=True))
    with running_daemon(folder, many) as loaded, running_daemon(folder, few) as light:
        with _naive(now_ms) as naive:
            equal = _equal_samples(loaded.scrape(), naive.bytes())
            if equal < _LEAST_EQUAL:
                raise RuntimeError(f"only {equal:.1%} of the samples are those of the naive exporter")
            times = interleaved(
                {
                    "many": lambda: _scrape_after_an_event(loaded),
                    "few": lambda: _scrape_after_an_event(light),
                    "naive": naive.seconds,
                },
                ROUNDS,
            )
        samples = loaded.samples()
        faster, slower = ratio(times["naive"], times["many"]), ratio(times["many"], times["few"])
        yield Goal(
            f"gzip scrape of {samples:,} samples, {EVENTS:,} events, one event since the last: against recompute + "
            f"generate_latest + gzip",
            f"{median(times['many']) * 1000:.1f} ms against {median(times['naive']) * 1000:,.0f} ms: {faster:,.0f} x",
            "1,000 x",
            faster >= 1000,
        )
        yield Goal(
            f"the same scrape against {FEW_EVENTS:,} events held ({light.samples():,} samples)",
            f"{median(times['few']) * 1000:.1f} ms: {slower:.2f} x",
            "at most 1.2 x",
            slower <= 1.2,
        )
        yield _against_nginx(folder, loaded)


def _against_nginx(folder: Path, daemon: Daemon) -> Goal:
    load = Load(folder, seconds=3)
    with nginx(folder, daemon.scrape()) as static:
        rates = interleaved(
            {"daemon": lambda: load.scrapes(daemon.server.url), "nginx": lambda: load.scrapes(static.url)}, ROUNDS
        )
    reached = ratio(rates["daemon"], rates["nginx"])
    return Goal(
        "the same scrape, nothing changed: against nginx gzip_static with the same bytes",
        f"{median(rates['daemon']):,.0f}/s against {median(rates['nginx']):,.0f}/s: {reached:.2f} x",
        "1.2 x",
        reached >= 1.2,
    )


def _scrape_after_an_event(daemon: Daemon) -> float:
    """Seconds of a scrape that comes after one more event, the median of some."""
    seconds = []
    for _ in range(SCRAPES_A_ROUND):
        now_ms = system_clock()
        daemon.deploy(service_of(0), ENVIRONMENTS[0], now_ms, f"1.{now_ms}.0")
        begun = time.perf_counter()
        daemon.scrape()
        seconds.append(time.perf_counter() - begun)
    return median(seconds)


class _Naive:
    """The naive exporter in a process of its own."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    def bytes(self) -> bytes:
        self._connection.send("bytes")
        return bytes(self._connection.recv())

    def seconds(self) -> float:
        self._connection.send("seconds")
        return float(self._connection.recv())


@contextmanager
def _naive(now_ms: int) -> Iterator[_Naive]:
    spawning = get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve_naive, args=(theirs, now_ms), daemon=True)
    process.start()
    try:
        yield _Naive(ours)
    finally:
        process.terminate()
        process.join()


def _serve_naive(connection: "Connection", now_ms: int) -> None:
    sched_setaffinity(0, {SERVER_CORE})
    exporter = NaiveExporter(crowd(SEED, now_ms, events=EVENTS, series=SERIES, commits=True), now_ms)
    while True:
        question = connection.recv()
        begun = time.perf_counter()
        answer = exporter.scrape()
        connection.send(answer if question == "bytes" else time.perf_counter() - begun)


def _equal_samples(ours: bytes, theirs: bytes) -> float:
    """How many of the naive exporter's samples the daemon has, with the same value; time has passed in between."""
    held, expected = _samples(ours), _samples(theirs)
    sys.stderr.write(f"{len(held):,} samples, the naive exporter has {len(expected):,}\n")
    return sum(held.get(sample) == value for sample, value in expected.items()) / len(expected)


def _samples(body: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): round(sample.value, 6)
        for family in text_string_to_metric_families(gzip.decompress(body).decode())
        for sample in family.samples
        if sample.name.startswith("dora_")
    }
