"""Many writes to a series are not taken over one by one, and lead to the same numbers."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.oracle.comparing import differences
from tests.oracle.daemons import Daemon
from tests.strategies import RETENTION_MS, TEAM_OF, WINDOWS

from dora_exporter.dora import metrics
from dora_exporter.dora.events import Deployment, Series
from dora_exporter.dora.failures.contract import Link
from dora_exporter.dora.failures.revert import Revert
from dora_exporter.dora.failures.rollback import Rollback
from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.contract import Metric, Value, WindowMetric
from dora_exporter.dora.records import Deletion
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.definitions import Definitions

CHECKOUT = Series("checkout", "production")


def daemon_with(series_limit: int) -> Daemon:
    return Daemon(
        Definitions(
            windows=WINDOWS,
            retention_ms=RETENTION_MS,
            series_limit=series_limit,
            rules=(Rollback(), Revert()),
            teams=TEAM_OF,
        )
    )


def write(daemon: Daemon, chance: random.Random, service: str, number: int) -> None:
    """A deployment or an incident that comes, is corrected or goes."""
    event_id, moment = f"{service}-{number}", NOW_MS - chance.randrange(200) * HOUR_MS
    match chance.randrange(6):
        case 0:
            daemon.perform(Deletion("deployment", event_id, NOW_MS))
        case 1:
            daemon.perform(incident(id=event_id, services=tuple({service, "search"}), started_at=moment))
        case _:
            daemon.perform(deployment(id=event_id, service=service, finished_at=moment, version=str(number % 5)))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("series_limit", [1, 10])
def test_many_writes_at_once_lead_to_the_numbers_of_a_start(seed: int, series_limit: int) -> None:
    daemon, chance = daemon_with(series_limit), random.Random(seed)
    for service in ("cart", "checkout", "search"):
        for number in range(20):
            write(daemon, chance, service, number)
    daemon.samples()
    before = daemon.engine.state(CHECKOUT)
    for number in range(300):
        write(daemon, chance, "checkout", number % 90)
        write(daemon, chance, "cart", number % 10)
    shown = daemon.samples()
    assert daemon.engine.state(CHECKOUT) is not before
    daemon.restart()
    assert differences(shown, daemon.samples()) == {}


def test_what_is_not_taken_over_yet_is_counted() -> None:
    daemon = daemon_with(10)
    for number in range(3):
        daemon.perform(deployment(id=f"d{number}"))
    assert daemon.engine.pending_writes == 3
    daemon.samples()
    assert daemon.engine.pending_writes == 0


def test_what_is_sorted_by_series_and_not_taken_over_yet_is_counted_too() -> None:
    daemon = daemon_with(10)
    for number in range(2000):
        daemon.perform(deployment(id=f"d{number}", service=f"s{number}"))
    counts = [daemon.engine.pending_writes]
    while not daemon.engine.update(NOW_MS):
        counts.append(daemon.engine.pending_writes)

    assert counts[0] == 2000
    assert counts == sorted(counts, reverse=True)
    assert 0 <= counts[-1] < 2000


def test_what_a_clock_that_was_set_back_took_away_comes_again() -> None:
    daemon = daemon_with(10)
    for day in range(3):
        daemon.perform(deployment(id=f"d{day}", finished_at=NOW_MS - day * 24 * HOUR_MS))
    daemon.perform(incident(id="i", started_at=NOW_MS - 12 * HOUR_MS))
    shown = daemon.samples()
    daemon.now_ms -= 36 * HOUR_MS
    assert differences(daemon.samples(), daemon.expected()) == {}
    daemon.now_ms += 36 * HOUR_MS
    assert differences(daemon.samples(), shown) == {}


def test_numbers_follow_the_time_that_passes_without_a_write() -> None:
    daemon = daemon_with(10)
    daemon.perform(deployment(id="d", finished_at=NOW_MS - HOUR_MS))
    daemon.perform(incident(id="i", services=("till",), started_at=NOW_MS - 2 * HOUR_MS, finished_at=NOW_MS - HOUR_MS))
    shown = [daemon.samples()]
    for _, length_ms in (*WINDOWS, ("retention", RETENTION_MS)):
        daemon.now_ms = NOW_MS - HOUR_MS + length_ms + 1
        shown.append(daemon.samples())
        assert differences(shown[-1], daemon.expected()) == {}

    assert all(differences(before, after) for before, after in pairwise(shown))


def test_an_event_that_is_written_again_and_again_is_taken_over_once() -> None:
    daemon = daemon_with(10)
    daemon.perform(deployment(id="d", version="0"))
    daemon.samples()
    for version in range(1, 50):
        daemon.perform(deployment(id="d", version=str(version)))
    state = daemon.engine.state(CHECKOUT)
    assert state
    version = state.version
    daemon.samples()
    assert state.version == version + 2 * len(("it goes", "it comes", "time passes"))
    assert differences(daemon.samples(), daemon.expected()) == {}


class Writers:
    """Write a deployment whenever a series is ingested or rendered, so that writes never end by themselves."""

    needs_commits = False

    def __init__(self, series: int) -> None:
        self.written = 0
        self.is_silent = False
        self.daemon = Daemon(
            Definitions(
                windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=10, rules=(self,), metrics=self.metrics()
            )
        )
        for number in range(series):
            self.daemon.perform(deployment(service=f"s{number}", id=f"d{number}"))

    def metrics(self) -> Sequence[Metric]:
        first, *others = metrics.ALL
        assert isinstance(first, WindowMetric)
        read = first.read

        def write_and_read(measures: Measures, window: Window) -> Iterable[Value]:
            self.write()
            return read(measures, window)

        return [replace(first, read=write_and_read), *others]

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        self.write()
        return deployments

    def links(self, *_: object) -> Iterable[Link]:
        return ()

    def write(self) -> None:
        if self.is_silent:
            return
        self.written += 1
        self.daemon.perform(deployment(service=f"s{self.written % 3}", id=f"w{self.written}"))


def test_a_round_ends_though_writes_never_do() -> None:
    writers = Writers(3)
    engine = writers.daemon.engine
    for _ in range(3):
        assert any(engine.update(NOW_MS) for _ in range(50))
        assert len(engine.states()) == 3
    assert engine.pending_writes > 0


def test_taking_over_ends_though_writes_never_do() -> None:
    writers = Writers(3)
    engine = writers.daemon.engine
    for _ in range(3):
        assert any(engine.apply_pending() for _ in range(50))
        assert len(engine.states()) == 3
    assert engine.pending_writes > 0


def test_what_is_written_while_series_are_computed_anew_counts_once() -> None:
    writers = Writers(0)
    daemon = writers.daemon
    for number in range(100):
        daemon.perform(deployment(id=f"d{number}", version="1"))
    assert any(daemon.engine.update(NOW_MS) for _ in range(50))
    for number in range(100):
        daemon.perform(deployment(id=f"d{number}", version="2"))
    before = daemon.engine.state(CHECKOUT)
    assert any(daemon.engine.update(NOW_MS) for _ in range(50))
    assert daemon.engine.state(CHECKOUT) is not before
    writers.is_silent = True
    shown = daemon.samples()
    daemon.restart()
    assert differences(shown, daemon.samples()) == {}
