import pytest
from tests.sources.store_sink import StoreSink

from dora_exporter.sources.clamping import clamped_end, clamped_start


@pytest.mark.parametrize(
    ("finished_at", "end", "counted"), [(7, 7, []), (5, 5, []), (4, 5, ["tool:1"]), (None, None, [])]
)
def test_an_incident_that_ends_before_it_begins_ends_as_it_begins(
    finished_at: int | None, end: int | None, counted: list[str]
) -> None:
    sink = StoreSink("tool")
    assert clamped_end("tool:1", 5, finished_at, sink) == end
    assert sink.clamped == counted


@pytest.mark.parametrize(("started_at", "start", "counted"), [(3, 3, []), (5, 5, []), (6, 5, ["tool:1"])])
def test_a_deployment_that_ends_before_it_begins_begins_as_it_ends(
    started_at: int, start: int, counted: list[str]
) -> None:
    sink = StoreSink("tool")
    assert clamped_start("tool:1", started_at, 5, sink) == start
    assert sink.clamped == counted
