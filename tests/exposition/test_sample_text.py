import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily

from dora_exporter.exposition.sample_text import line, sample_end, sample_start

label_values = st.text(st.characters(exclude_categories=["Cs"]))


class One:
    def __init__(self, labels: dict[str, str], value: float) -> None:
        self.family = GaugeMetricFamily("dora_deployments", "Deployments.", labels=tuple(labels))
        self.family.add_metric(tuple(labels.values()), value)

    def collect(self) -> list[Metric]:
        return [self.family]


def expected_line(labels: dict[str, str], value: float) -> bytes:
    registry = CollectorRegistry()
    registry.register(One(labels, value))
    return generate_latest(registry).split(b"gauge\n", 1)[1]


@given(
    st.dictionaries(st.sampled_from(["window", "service", "environment", "statistic"]), label_values),
    st.floats() | st.integers(0, 10**15),
)
def test_a_line_is_what_prometheus_client_writes(labels: dict[str, str], value: float) -> None:
    assert line("dora_deployments", labels, value) == expected_line(labels, value)


def test_a_line_may_be_made_in_two_halves() -> None:
    labels = {"service": "checkout", "environment": "prod"}

    assert sample_start("dora_deployments", labels) == b'dora_deployments{environment="prod",service="checkout"} '
    assert sample_end(3) == b"3.0\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, b"0.0\n"), (1_000_000, b"1e+06\n"), (1764000000.123, b"1.764000000123e+09\n"), (math.inf, b"+Inf\n")],
)
def test_numbers_look_as_go_writes_them(value: float, text: bytes) -> None:
    assert sample_end(value) == text


def test_a_lone_surrogate_does_not_spoil_the_scrape() -> None:
    assert line("up", {"service": "a\ud800b"}, 1) == b'up{service="a?b"} 1.0\n'
