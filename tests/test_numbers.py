"""What is said of the numbers in the log."""

import pytest
from prometheus_client import CollectorRegistry
from tests.builders import ManualClock, deployment
from tests.strategies import WINDOWS

from dora_exporter.events import DAY_MS
from dora_exporter.exposition import OwnFamilies
from dora_exporter.numbers import Numbers
from dora_exporter.readings import Definitions
from dora_exporter.records import Deletion
from dora_exporter.store import EventStore


async def test_the_log_says_once_that_series_are_folded_and_that_none_is_any_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = EventStore()
    numbers = Numbers(
        store,
        own=OwnFamilies(CollectorRegistry()),
        definitions=Definitions(windows=WINDOWS, retention_ms=100 * DAY_MS, series_limit=2),
        clock=ManualClock(),
    )
    await numbers.load()
    for service in ("a", "b", "c", "d"):
        store.apply(deployment(id=service, service=service))
        await numbers.keep_up()
    for service in ("a", "b"):
        store.apply(Deletion("deployment", service, 0))
        await numbers.keep_up()
    assert [each.getMessage() for each in caplog.records] == [
        "there are more series than the limit, the surplus is folded limit=2 series=3",
        "none is folded limit=2 series=2",
    ]
