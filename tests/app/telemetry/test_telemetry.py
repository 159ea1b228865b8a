import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from dora_exporter import __version__
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
from dora_exporter.dora.events import Deployment, Incident, Verdict
from dora_exporter.dora.records import Deletion, Judgement
from dora_exporter.dora.store import EventStore
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


@dataclass(frozen=True)
class Snapshot:
    statistics: Statistics = STATISTICS


@dataclass(frozen=True)
class Engine:
    series: int = 12
    series_folded: int = 2
    teams: int = 13
    teams_folded: int = 3
    series_limit: int = 10
    broken_series: int = 1
    pending_writes: int = 7
    lead_time_commits_dropped: dict[str, int] = field(default_factory=lambda: {"negative": 4, "gap": 1})


@dataclass(frozen=True)
class Config:
    is_last_reload_successful: bool = False
    last_reload_success_ms: int | None = 1_764_000_000_500


@dataclass(frozen=True)
class Log:
    full: int = 3
    repeated: int = 4


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
    store, counts = EventStore(), EventCounts()
    store.observe(counts.observe)
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

    assert {name: value for name, value in samples(counts).items() if value} == {
        'dora_exporter_events_total{kind="deployment",outcome="created",source="api"}': 1,
        'dora_exporter_events_total{kind="deployment",outcome="unchanged",source="api"}': 1,
        'dora_exporter_events_total{kind="deployment",outcome="updated",source="api"}': 2,
        'dora_exporter_events_total{kind="deployment",outcome="deleted",source="api"}': 1,
        'dora_exporter_events_total{kind="incident",outcome="created",source="pagerduty"}': 1,
    }


def test_writes_through_the_api_are_zero_before_the_first() -> None:
    assert list(samples(EventCounts()).values()) == [0] * 8


def test_refusals_are_counted_by_reason() -> None:
    counts = RejectionCounts()
    counts.count(Rejection.INVALID)
    counts.count(Rejection.INVALID)

    values = samples(counts)

    assert values['dora_exporter_events_rejected_total{reason="invalid"}'] == 2
    assert len(values) == len(Rejection)
    assert sum(values.values()) == 2


def test_held_events_are_those_of_the_store() -> None:
    store = EventStore()
    held = HeldEvents(store)
    store.apply(deployment())

    assert samples(held) == {
        'dora_exporter_events_held{kind="deployment"}': 1,
        'dora_exporter_events_held{kind="incident"}': 0,
    }


def test_the_series_are_counted() -> None:
    assert samples(SeriesCollector(Engine())) == {
        "dora_exporter_series": 12,
        "dora_exporter_series_folded": 2,
        "dora_exporter_teams": 13,
        "dora_exporter_teams_folded": 3,
        "dora_exporter_series_limit": 10,
        "dora_exporter_broken_series": 1,
        "dora_exporter_pending_writes": 7,
        'dora_exporter_lead_time_commits_dropped{cause="gap"}': 1,
        'dora_exporter_lead_time_commits_dropped{cause="negative"}': 4,
    }


def test_the_snapshot_is_described_in_bytes_and_seconds() -> None:
    assert samples(SnapshotCollector(Snapshot(), replay_seconds=lambda: 0.75)) == {
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

    assert samples(SnapshotCollector(Snapshot(fresh), replay_seconds=lambda: None)) == {
        "dora_exporter_snapshot_up": 0,
        "dora_exporter_snapshot_size_bytes": 4096,
        "dora_exporter_snapshot_lines_lost_total": 3,
    }


def test_a_failed_reload_keeps_the_time_of_the_last_good_one() -> None:
    assert samples(ConfigCollector(Config())) == {
        "dora_exporter_config_last_reload_successful": 0,
        "dora_exporter_config_last_reload_success_timestamp_seconds": 1_764_000_000.5,
    }


def test_lines_that_the_log_lacks_are_counted_by_reason() -> None:
    assert samples(LogCollector(Log())) == {
        'dora_exporter_log_lines_dropped_total{reason="full"}': 3,
        'dora_exporter_log_lines_dropped_total{reason="repeated"}': 4,
    }


def complete_registry() -> CollectorRegistry:
    registry = new_registry()
    for collector in (
        EventCounts(),
        RejectionCounts(),
        HeldEvents(EventStore()),
        SeriesCollector(Engine()),
        SnapshotCollector(Snapshot(), replay_seconds=lambda: 0.75),
        ConfigCollector(Config()),
        LogCollector(Log()),
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


def test_no_two_families_clash_in_openmetrics() -> None:
    render, _ = choose_encoder("application/openmetrics-text; version=1.0.0")

    names = [family.name for family in parse_openmetrics(render(complete_registry()).decode())]

    assert len(names) == len(set(names))


@pytest.mark.e2e
def test_promtool_has_no_complaint_about_the_daemons_own_families() -> None:
    text = generate_latest(complete_registry())

    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
