from collections.abc import Iterable

import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from dora_exporter.exposition import Format, OwnFamilies


class Counting:
    """Collected ``times`` times."""

    def __init__(self) -> None:
        self.times = 0

    def collect(self) -> Iterable[Metric]:
        self.times += 1
        yield GaugeMetricFamily("dora_exporter_times", "Collections.", value=self.times)
        counter = CounterMetricFamily("dora_exporter_calls", "The same, counted.", labels=("kind",))
        counter.add_metric(("any",), self.times)
        yield counter


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def own(stopwatch: Stopwatch) -> OwnFamilies:
    registry = CollectorRegistry()
    registry.register(Counting())
    return OwnFamilies(registry, stopwatch=stopwatch)


def text(own: OwnFamilies, wanted: Format = Format.TEXT) -> bytes:
    own.refresh()
    return b"".join(own.piece(wanted).parts)


def test_scrapes_within_a_second_share_a_collection(own: OwnFamilies, stopwatch: Stopwatch) -> None:
    first = text(own)
    version = own.version
    stopwatch.seconds += 0.99

    assert text(own) is first
    assert own.version == version


def test_after_a_second_they_are_collected_again(own: OwnFamilies, stopwatch: Stopwatch) -> None:
    assert b"dora_exporter_times 1.0\n" in text(own)
    version = own.version
    stopwatch.seconds += 1

    assert b"dora_exporter_times 2.0\n" in text(own)
    assert own.version != version


def test_after_any_activity_they_are_collected_again(own: OwnFamilies) -> None:
    assert b"dora_exporter_times 1.0\n" in text(own)
    own.activity.count += 1

    assert b"dora_exporter_times 2.0\n" in text(own)
    assert b"dora_exporter_times 2.0\n" in text(own)


def test_one_whose_stamp_changed_is_collected_again_and_the_others_are_not(own: OwnFamilies) -> None:
    written = [0]

    class Written:
        def collect(self) -> Iterable[Metric]:
            yield GaugeMetricFamily("dora_exporter_written", "Writes.", value=written[0])

    own.add(Written(), lambda: written[0])
    assert b"dora_exporter_written 0.0\n" in text(own)
    written[0] = 7
    assert text(own).endswith(b"dora_exporter_written 7.0\n"), "behind those that were there before"
    version = own.version
    assert b"dora_exporter_times 1.0\n" in text(own)
    assert own.version == version


def test_both_formats_come_from_one_collection(own: OwnFamilies) -> None:
    assert text(own, Format.TEXT).count(b"_times 1.0\n") == 1
    assert text(own, Format.OPENMETRICS).count(b"_times 1.0\n") == 1


@pytest.mark.parametrize("name", ["dora_exporter_calls", "dora_exporter_calls_total"])
def test_a_family_is_selected_by_its_name_or_that_of_a_sample(own: OwnFamilies, name: str) -> None:
    own.refresh()

    assert b"".join(own.selected(Format.TEXT, {name}).parts) == (
        b"# HELP dora_exporter_calls_total The same, counted.\n"
        b"# TYPE dora_exporter_calls_total counter\n"
        b'dora_exporter_calls_total{kind="any"} 1.0\n'
    )
