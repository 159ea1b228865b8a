"""A reload that renames half of 2,500 series with 1,000,000 events, and a scrape with a new event after it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

from tests.benchmarks.rounds import Goal, median

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.catalogue.spellings import Entry
from dora_exporter.dora.events import DAY_MS, Deployment
from dora_exporter.dora.store import EventStore
from dora_exporter.exposition.series_text import SeriesText
from dora_exporter.runtime.cooperative import in_slices
from dora_exporter.runtime.garbage_collection import ShortSearches, postponed_search
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine

EVENTS = 1_000_000
SERIES = 2_500
SCRAPES = 40
NOW_MS = 1_750_000_000_000
NAMES = Catalogue((Entry("suffix", ("*-svc",), r"\1"),), (Entry("production", ("prod",)),))
WINDOWS = tuple((f"{days}d", days * DAY_MS) for days in (7, 30, 90))
RELOAD_SECONDS = 15.0
STALL_MS = 25.0
TIMES_OF_A_SCRAPE = 1.2


def measure(_folder: Path) -> Iterator[Goal]:
    """Works on the engine and its text, as a reload does."""
    store = _filled()
    collection = ShortSearches()
    collection.start()
    renamed = asyncio.run(_reloaded(store, NAMES))
    plain = asyncio.run(_reloaded(store, NO_CATALOGUE))
    collection.stop()
    seconds, stall_ms, scrape = renamed
    yield Goal(
        "a reload that renames half of 2,500 series with 1,000,000 events",
        f"{seconds:.1f} s ({plain[0]:.1f} s without names)",
        f"{RELOAD_SECONDS:.0f} s",
        seconds <= RELOAD_SECONDS,
    )
    yield Goal(
        "the longest the event loop waits meanwhile, of processor time",
        f"{stall_ms:.0f} ms ({plain[1]:.0f} ms without names)",
        f"{STALL_MS:.0f} ms",
        stall_ms <= STALL_MS,
    )
    yield Goal(
        "a scrape with a new event, against one without names",
        f"{scrape / plain[2]:.2f} x",
        f"{TIMES_OF_A_SCRAPE} x",
        scrape <= TIMES_OF_A_SCRAPE * plain[2],
    )


def _filled() -> EventStore:
    store = EventStore()
    for number in range(EVENTS):
        finished_at = NOW_MS - (number * 7_736_863) % (390 * DAY_MS)
        store.apply(_deployment(f"id-{number:012}", number % SERIES, finished_at, f"v{number // SERIES}"))
    return store


def _deployment(deployment_id: str, service: int, finished_at: int, version: str) -> Deployment:
    name = f"s{service}-svc" if service < SERIES // 2 else f"s{service}"
    return Deployment(deployment_id, name, "prod", finished_at - 300_000, finished_at, version=version)


async def _reloaded(store: EventStore, catalogue: Catalogue) -> tuple[float, float, float]:
    """The seconds until all is shown, the longest turn in milliseconds, and the seconds of a scrape."""
    engine = Engine(
        store, Definitions(windows=WINDOWS, retention_ms=400 * DAY_MS, series_limit=10_000, catalogue=catalogue)
    )
    text, begun = SeriesText(engine), perf_counter()
    watching = asyncio.create_task(_longest_turn())
    with postponed_search():
        await engine.load(NOW_MS)
        await in_slices(lambda: text.update(NOW_MS))
    seconds = perf_counter() - begun
    watching.cancel()
    stall_ms = 1000 * await watching
    scrapes = [_scrape(store, text, f"{id(engine)}-{number:012}", NOW_MS + number) for number in range(SCRAPES)]
    engine.close()
    return seconds, stall_ms, median(scrapes)


async def _longest_turn() -> float:
    longest, last = 0.0, process_time()
    try:
        while True:
            await asyncio.sleep(0)
            now = process_time()
            longest, last = max(longest, now - last), now
    except asyncio.CancelledError:
        return longest


def _scrape(store: EventStore, text: SeriesText, deployment_id: str, now_ms: int) -> float:
    store.apply(_deployment(deployment_id, 7, now_ms, "new"))
    begun = process_time()
    while not text.update(now_ms):
        pass
    for cache in text.caches:
        while not cache.refresh(64):
            pass
    return process_time() - begun
