"""The text follows the aggregates that the engine hands out: new, changed, replaced and gone."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tests.builders import NOW_MS, deployment
from tests.oracle.comparing import differences
from tests.oracle.daemons import Daemon
from tests.strategies import RETENTION_MS, WINDOWS

from dora_exporter.dora import metrics
from dora_exporter.dora.measures import Measures
from dora_exporter.dora.metrics.contract import Value, WindowMetric
from dora_exporter.dora.records import Deletion
from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.definitions import Definitions


def daemon_with(ids: Sequence[str] = ()) -> Daemon:
    daemon = Daemon(Definitions(windows=WINDOWS, retention_ms=RETENTION_MS, series_limit=10))
    for each in ids:
        daemon.perform(deployment(id=each, service="cart", team="crew"))
    return daemon


def test_a_team_without_events_leaves_the_text_though_a_service_has_its_name() -> None:
    daemon = daemon_with(["one"])
    daemon.perform(deployment(id="two", service="crew", team=None))
    daemon.samples()
    assert ("crew", "production") in daemon.text.rollups["team"]
    daemon.perform(Deletion("deployment", "one", NOW_MS))
    assert differences(daemon.samples(), daemon.expected()) == {}
    assert ("crew", "production") not in daemon.text.rollups["team"]
    assert ("crew", "production") in daemon.text.series


def test_a_series_that_is_computed_anew_keeps_its_place_in_the_text() -> None:
    daemon = daemon_with([f"d{number}" for number in range(100)])
    daemon.samples()
    before = daemon.engine.aggregates.series.copy()
    for number in range(100):
        daemon.perform(deployment(id=f"d{number}", service="cart", team="crew", version="2"))
    assert differences(daemon.samples(), daemon.expected()) == {}
    assert daemon.engine.aggregates.series.keys() == before.keys()
    assert daemon.engine.aggregates.series != before


def test_what_is_written_while_text_is_rendered_waits_for_the_next_round() -> None:
    left: list[int] = []
    daemon: Daemon

    def write_and_read(measures: Measures, window: Window) -> Iterable[Value]:
        if not left:
            daemon.perform(deployment(id="late"))
            assert daemon.text.apply_pending()
            left.append(daemon.engine.pending_writes)
        return read(measures, window)

    first, *others = metrics.ALL
    assert isinstance(first, WindowMetric)
    read = first.read
    daemon = Daemon(
        Definitions(
            windows=WINDOWS,
            retention_ms=RETENTION_MS,
            series_limit=10,
            metrics=[replace(first, read=write_and_read), *others],
        )
    )
    daemon.perform(deployment(id="first"))
    daemon.samples()
    assert left == [1]
    assert differences(daemon.samples(), daemon.expected()) == {}
