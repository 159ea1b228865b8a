"""The metrics service: what it logs, who is brought up to now, and when it computes everything again."""

import gc
import weakref
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry
from tests.builders import ManualClock, deployment
from tests.strategies import WINDOWS

from dora_exporter.app.derived_settings import definitions
from dora_exporter.app.metrics_service import MetricsService
from dora_exporter.app.settings import Settings
from dora_exporter.dora.changes import Change
from dora_exporter.dora.events import DAY_MS, Deployment
from dora_exporter.dora.records import Deletion
from dora_exporter.dora.store import EventStore
from dora_exporter.exposition import OwnFamilies
from dora_exporter.series.definitions import Definitions
from dora_exporter.series.pending_writes import PendingWrites


def service(store: EventStore, *, series_limit: int = 2) -> MetricsService:
    return MetricsService(
        store,
        own=OwnFamilies(CollectorRegistry()),
        definitions=Definitions(
            windows=WINDOWS,
            retention_ms=100 * DAY_MS,
            series_limit=series_limit,
            dimensions=("customer",),
            values_limit=2,
        ),
        clock=ManualClock(),
    )


@pytest.mark.parametrize("kind", ["series", "teams", "values"])
async def test_the_log_says_once_that_some_are_folded_and_that_none_is_any_more(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = EventStore()
    numbers = service(store)
    await numbers.load()
    for name in ("a", "b", "c", "d"):
        named: dict[str, dict[str, object]] = {
            "series": {"service": name},
            "teams": {"team": name},
            "values": {"tags": (f"customer:{name}",)},
        }
        store.apply(deployment(id=name, **named[kind]))
        await numbers.keep_up()
    for name in ("a", "b"):
        store.apply(Deletion("deployment", name, 0))
        await numbers.keep_up()
    assert [each.getMessage() for each in caplog.records] == [
        f"more {kind} than the limit, the surplus is folded into _other limit=2 {kind}=3",
        f"no surplus any more, nothing is folded limit=2 {kind}=2",
    ]


async def test_a_write_that_was_not_noted_for_a_fault_is_in_the_numbers_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    note, faults = PendingWrites.note, ["a defect"]

    def trapped(writes: PendingWrites, changes: Sequence[Change]) -> None:
        if faults:
            raise RuntimeError(faults.pop())
        note(writes, changes)

    monkeypatch.setattr(PendingWrites, "note", trapped)
    store = EventStore()
    numbers = service(store)
    await numbers.load()
    store.apply(deployment(id="met"))
    assert (await numbers.current()).census.series == 0
    await store.observers.renew()
    assert (await numbers.current()).census.series == 1

    store.apply(deployment(id="after", service="other"))
    assert (await numbers.current()).census.series == 2


def found_and_sent(store: EventStore) -> Deployment:
    """Two reports of one deployment; the one that does not count."""
    store.apply(deployment(id="sent", version="1.0"))
    found = deployment(id="apm:1", version="1.0", source="apm")
    store.apply(found)
    return found


async def test_a_report_that_came_just_now_is_known_to_be_superseded() -> None:
    store = EventStore()
    numbers = service(store)
    await numbers.load()
    found = found_and_sent(store)
    assert not numbers.engine.is_superseded(found)
    assert numbers.engine.pending_writes == 2
    is_superseded = await numbers.superseded()
    assert is_superseded(found)
    assert numbers.engine.pending_writes == 0


@pytest.mark.parametrize(("written", "is_import"), [(2_000, False), (2_001, True), (20_001, True)])
async def test_what_an_import_left_is_computed_once_no_more_comes(written: int, *, is_import: bool) -> None:
    store = EventStore()
    numbers = service(store)
    await numbers.load()
    published = numbers.exposed.now.published
    store.apply_all([deployment(id=f"d{number}") for number in range(written)])
    await numbers.keep_up()
    assert numbers.engine.pending_writes == 0
    assert numbers.engine.census.series == 1
    assert (numbers.exposed.now.published > published) is is_import


async def test_nobody_waits_for_an_import_to_know_what_is_superseded() -> None:
    store = EventStore()
    numbers = service(store)
    await numbers.load()
    found = found_and_sent(store)
    store.apply_all([deployment(id=f"d{number}") for number in range(20_000)])
    is_superseded = await numbers.superseded()
    assert not is_superseded(found)
    assert numbers.engine.pending_writes > 20_000


async def test_what_a_reload_replaced_is_freed_without_a_search_for_garbage() -> None:
    numbers = await service_by_default()
    before = weakref.ref(numbers.engine)
    gc.disable()
    try:
        await numbers.use(Settings(retention="401d"))
        assert before() is None
    finally:
        gc.enable()


async def service_by_default() -> MetricsService:
    """One by the default settings."""
    own = OwnFamilies(CollectorRegistry())
    service = MetricsService(EventStore(), own=own, definitions=definitions(Settings()), clock=ManualClock())
    await service.load()
    return service


@pytest.mark.parametrize(
    "changed",
    [
        {"windows": ["14d"]},
        {"retention": "401d"},
        {"limits": {"series": 9999}},
        {"attribution_limit": "8d"},
        {"merge_within": "31m"},
        {"failures": {"revert": {"enabled": False}}},
        {"failures": {"rollback": {"services": ["cart"]}}},
        {"failures": {"rules": []}},
        {"levels": {"edition": "2023"}},
        {"incidents": {"severities": {"SEV-1": 1}}},
        {"incidents": {"counted_severities": [1, 2]}},
        {"incidents": {"unknown_severity": 3}},
        {"incidents": {"minimum_duration": "5m"}},
        {"incidents": {"reopened_within": "30m"}},
        {"dimensions": ["customer"]},
        {"limits": {"values": 9}},
        {"groups": {"shop": {"services": ["cart"]}}},
        {"services": {"cart": {"group": "shop"}}},
        {"services": {"cart": {"team": "shop"}}},
    ],
    ids=str,
)
async def test_a_setting_that_decides_numbers_has_them_computed_again(changed: dict[str, object]) -> None:
    numbers = await service_by_default()
    first = numbers.engine

    await numbers.use(Settings.model_validate(changed))
    assert numbers.engine is not first

    second = numbers.engine
    await numbers.use(Settings.model_validate(changed))
    assert numbers.engine is second


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"log": {"level": "debug"}},
        {"default_environment": "prod"},
        {"services": {"cart": {"source_patterns": ["cart/**"]}}},
        {"failures": {"revert": {"enabled": True}}},
    ],
    ids=str,
)
async def test_other_settings_leave_the_numbers_alone(changed: dict[str, object]) -> None:
    known: dict[str, object] = {"services": {"cart": {}}}  # a name may decide what aliases of others stand for
    numbers = await service_by_default()
    await numbers.use(Settings.model_validate(known))
    engine = numbers.engine

    await numbers.use(Settings.model_validate(known | changed))

    assert numbers.engine is engine
