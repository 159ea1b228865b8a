import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from tests import builders
from tests.builders import NOW_MS, ManualClock
from tests.strategies import RETENTION_MS, WINDOWS

from dora_exporter import __version__
from dora_exporter.app.reload import Configuration
from dora_exporter.app.settings import Settings
from dora_exporter.app.telemetry import (
    ConfigCollector,
    EventCounts,
    HeldEvents,
    LogCollector,
    RejectionCounts,
    SeriesCollector,
    SnapshotCollector,
    new_registry,
)
from dora_exporter.config.errors import ConfigError, Mistake
from dora_exporter.dora.changes import Change, WriteCounts
from dora_exporter.dora.events import DAY_MS, Commit, Deployment, Incident, Verdict
from dora_exporter.dora.failures.commit_text import LookupKey
from dora_exporter.dora.failures.contract import Link
from dora_exporter.dora.failures.deployments import DeploymentsInOrder
from dora_exporter.dora.records import Deletion, Judgement
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.log_setup import Log
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.engine import Engine
from dora_exporter.storage.file.statistics import Statistics
from dora_exporter.web.server.rejections import Rejection

parse_openmetrics: Callable[[str], Iterable[Metric]] = text_string_to_metric_families


STATISTICS = Statistics(
    size_bytes=4096,
    lines_lost=3,
    last_write_ms=1_764_000_000_123,
    last_compaction_ms=1_764_000_001_000,
    last_fsync_seconds=0.25,
    last_compaction_seconds=1.5,
    unavailable_since_ms=None,
)


class Trap:
    """A rule with a defect: it raises for one service."""

    needs_commits = False

    def __init__(self, service: str) -> None:
        self._service = service

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        if any(each.service == self._service for each in deployments):
            raise RuntimeError
        return ()

    def links(self, remedy: Deployment, in_order: DeploymentsInOrder, asked: set[LookupKey]) -> Iterable[Link]:
        return ()


async def engine() -> Engine:
    """Six series, one of them without a team and one with a defect, a limit of three, and two pending writes."""
    store = EventStore()
    ahead = Commit("c" * 40, NOW_MS + DAY_MS)
    for name in "abcdef":
        team, commits = name if name != "f" else None, (ahead,) if name == "a" else None
        store.apply(builders.deployment(id=name, service=name, team=team, commits=commits))
    rules = (Trap("e"),)
    engine = Engine(store, Definitions(windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=3, rules=rules))
    await engine.load(NOW_MS)
    for name in "ab":
        store.apply(Deletion("deployment", name, NOW_MS))
    return engine


async def configuration() -> Configuration:
    """Settings that were loaded at one moment, and could not be at a later one."""
    clock = ManualClock(1_764_000_000_500)

    def load() -> Settings:
        raise ConfigError([Mistake("file:1", "is wrong")])

    async def use(_settings: Settings) -> None:
        """Nothing takes them up."""

    configuration = Configuration(Settings(), load=load, users=(use,), clock=clock)
    clock.advance(1000)
    await configuration.reload()
    return configuration


def log() -> Log:
    """A log that lost three lines and held back four."""
    log = Log()
    log.lost = 3
    log.restraint.held_back = 4
    return log


def samples(*collectors: Collector) -> dict[str, float]:
    """The values by sample as written, without the headers."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return dict(_values(generate_latest(registry).decode()))


def _values(text: str) -> Iterator[tuple[str, float]]:
    for row in text.splitlines():
        if not row.startswith("#"):
            name, value = row.rsplit(" ", 1)
            yield name, float(value)


def deployment(source: str = "api", version: str = "1") -> Deployment:
    return Deployment("d1", "checkout", "prod", 1000, 2000, version=version, source=source)


def test_writes_are_counted_by_kind_source_and_outcome() -> None:
    store, writes = EventStore(), WriteCounts()
    store.observers.add(writes.observe)
    for record in (
        deployment(),
        deployment(),
        deployment(version="2"),
        Judgement("d1", Verdict(change_failure=True)),
        Deletion("deployment", "d1", at=5000),
        Deletion("deployment", "d1", at=5000),
        Judgement("d1"),
        Incident("i1", ("checkout",), "prod", 1000, source="pagerduty"),
    ):
        store.apply(record)

    assert {name: value for name, value in samples(EventCounts(writes)).items() if value} == {
        'dora_exporter_events_total{kind="deployment",outcome="created",source="api"}': 1,
        'dora_exporter_events_total{kind="deployment",outcome="unchanged",source="api"}': 1,
        'dora_exporter_events_total{kind="deployment",outcome="updated",source="api"}': 2,
        'dora_exporter_events_total{kind="deployment",outcome="deleted",source="api"}': 1,
        'dora_exporter_events_total{kind="incident",outcome="created",source="pagerduty"}': 1,
    }


def test_writes_that_were_counted_are_let_go_though_nobody_asks_for_their_number() -> None:
    writes, event = WriteCounts(), deployment()
    held_before = sys.getrefcount(event)
    for _ in range(1000):
        writes.observe([(None, event)])
    assert sys.getrefcount(event) < held_before + 300


def test_writes_through_the_api_are_zero_before_the_first() -> None:
    assert list(samples(EventCounts(WriteCounts())).values()) == [0] * 8


def test_refusals_are_counted_by_reason() -> None:
    counts = RejectionCounts()
    counts.count(Rejection.INVALID)
    counts.count(Rejection.INVALID)

    values = samples(counts)

    assert values['dora_exporter_events_rejected_total{reason="invalid"}'] == 2
    assert len(values) == len(Rejection)
    assert sum(values.values()) == 2


def fail(_: Sequence[Change]) -> None:
    raise RuntimeError("a defect")


def test_held_events_are_those_of_the_store_and_failures_those_of_its_observers() -> None:
    store = EventStore()
    held = HeldEvents(store)
    store.observers.add(fail)
    store.apply(deployment())

    assert samples(held) == {
        'dora_exporter_events_held{kind="deployment"}': 1,
        'dora_exporter_events_held{kind="incident"}': 0,
        "dora_exporter_observer_failures_total": 1,
    }


async def test_the_series_are_counted() -> None:
    current = await engine()

    assert samples(SeriesCollector(lambda: current)) == {
        "dora_exporter_series": 5,
        "dora_exporter_series_folded": 2,
        "dora_exporter_teams": 4,
        "dora_exporter_teams_folded": 1,
        "dora_exporter_series_limit": 3,
        "dora_exporter_broken_series": 1,
        "dora_exporter_pending_writes": 2,
        'dora_exporter_lead_time_commits_dropped{cause="negative"}': 1,
    }


def test_the_snapshot_is_described_in_bytes_and_seconds() -> None:
    assert samples(SnapshotCollector(lambda: STATISTICS, replay_seconds=lambda: 0.75)) == {
        "dora_exporter_snapshot_up": 1,
        "dora_exporter_snapshot_size_bytes": 4096,
        "dora_exporter_snapshot_last_write_timestamp_seconds": 1_764_000_000.123,
        "dora_exporter_snapshot_last_compaction_timestamp_seconds": 1_764_000_001,
        "dora_exporter_snapshot_last_fsync_duration_seconds": 0.25,
        "dora_exporter_snapshot_last_compaction_duration_seconds": 1.5,
        "dora_exporter_snapshot_replay_duration_seconds": 0.75,
        "dora_exporter_snapshot_lines_lost_total": 3,
    }


def test_what_has_not_happened_to_the_snapshot_yet_is_absent() -> None:
    fresh = replace(
        STATISTICS,
        unavailable_since_ms=1_764_000_002_000,
        last_write_ms=None,
        last_compaction_ms=None,
        last_fsync_seconds=None,
        last_compaction_seconds=None,
    )

    assert samples(SnapshotCollector(lambda: fresh, replay_seconds=lambda: None)) == {
        "dora_exporter_snapshot_up": 0,
        "dora_exporter_snapshot_size_bytes": 4096,
        "dora_exporter_snapshot_lines_lost_total": 3,
    }


async def test_a_failed_reload_keeps_the_time_of_the_last_good_one() -> None:
    assert samples(ConfigCollector(await configuration())) == {
        "dora_exporter_config_last_reload_successful": 0,
        "dora_exporter_config_last_reload_success_timestamp_seconds": 1_764_000_000.5,
    }


def test_lines_that_the_log_lacks_are_counted_by_reason() -> None:
    assert samples(LogCollector(log())) == {
        'dora_exporter_log_lines_dropped_total{reason="full"}': 3,
        'dora_exporter_log_lines_dropped_total{reason="repeated"}': 4,
    }


async def complete_registry() -> CollectorRegistry:
    current = await engine()
    registry = new_registry()
    for collector in (
        EventCounts(WriteCounts()),
        RejectionCounts(),
        HeldEvents(EventStore()),
        SeriesCollector(lambda: current),
        SnapshotCollector(lambda: STATISTICS, replay_seconds=lambda: 0.75),
        ConfigCollector(await configuration()),
        LogCollector(log()),
    ):
        registry.register(collector)
    return registry


def test_the_registry_has_the_build_the_process_and_python() -> None:
    text = generate_latest(new_registry()).decode()

    assert f'version="{__version__}"' in text
    assert "\nprocess_resident_memory_bytes " in text
    assert "\npython_info{" in text
    assert "\npython_gc_collections_total{" in text
    assert "_created" not in text


async def test_no_two_families_clash_in_openmetrics() -> None:
    render, _ = choose_encoder("application/openmetrics-text; version=1.0.0")

    names = [family.name for family in parse_openmetrics(render(await complete_registry()).decode())]

    assert len(names) == len(set(names))


@pytest.mark.e2e
def test_promtool_has_no_complaint_about_the_daemons_own_families() -> None:
    text = generate_latest(asyncio.run(complete_registry()))

    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
