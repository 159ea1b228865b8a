"""What is said of the numbers in the log."""

import pytest
from prometheus_client import CollectorRegistry
from tests.builders import ManualClock, deployment
from tests.strategies import WINDOWS

from dora_exporter.app.metrics_service import MetricsService
from dora_exporter.dora.events import DAY_MS
from dora_exporter.dora.records import Deletion
from dora_exporter.dora.store import EventStore
from dora_exporter.exposition import OwnFamilies
from dora_exporter.series.engine import Definitions


@pytest.mark.parametrize("kind", ["series", "teams"])
async def test_the_log_says_once_that_some_are_folded_and_that_none_is_any_more(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = EventStore()
    numbers = MetricsService(
        store,
        own=OwnFamilies(CollectorRegistry()),
        definitions=Definitions(windows=WINDOWS, retention_ms=100 * DAY_MS, series_limit=2),
        clock=ManualClock(),
    )
    await numbers.load()
    for name in ("a", "b", "c", "d"):
        store.apply(deployment(id=name, service=name) if kind == "series" else deployment(id=name, team=name))
        await numbers.keep_up()
    for name in ("a", "b"):
        store.apply(Deletion("deployment", name, 0))
        await numbers.keep_up()
    assert [each.getMessage() for each in caplog.records] == [
        f"more {kind} than the limit, the surplus is folded into _other limit=2 {kind}=3",
        f"no surplus any more, nothing is folded limit=2 {kind}=2",
    ]
