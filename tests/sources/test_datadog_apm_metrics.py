"""Deployments found in Datadog's trace metrics, against a stateful fake that answers from minutes of traffic."""

from contextlib import AbstractAsyncContextManager
from itertools import pairwise

import pytest
from aiohttp import web
from tests.builders import HOUR_MS, NOW_MS
from tests.sources.fake_datadog import FakeDatadog
from tests.sources.polled import Poller, polled

from dora_exporter.dora.events import DAY_MS, MINUTE_MS
from dora_exporter.sources.contract import Unreadable
from dora_exporter.sources.http.client import Refused, Unreachable

NOW_MINUTE = NOW_MS // MINUTE_MS
EDGE_MINUTE = NOW_MINUTE - 2 - 24 * 60
"""The left edge of a first pass: a day before the last minute that has settled."""


def reaching(datadog: FakeDatadog, **settings: object) -> AbstractAsyncContextManager[Poller]:
    given = {"kind": "datadog_apm", "method": "metrics", "api_key": "api-key", "app_key": "app-key", "backfill": "1d"}
    return polled(datadog.application(), address_in="base_url", **{**given, **settings})


def minutes(first: int, end: int) -> range:
    """Minutes counted from the left edge."""
    return range(EDGE_MINUTE + first, EDGE_MINUTE + end)


def found(poller: Poller) -> list[tuple[str | None, int]]:
    """Version and minute of each deployment held."""
    return [(version, at // MINUTE_MS - EDGE_MINUTE) for _, _, version, at in poller.found]


@pytest.fixture
def datadog() -> FakeDatadog:
    return FakeDatadog()


async def test_what_runs_at_the_left_edge_is_the_baseline_and_what_comes_later_is_a_deployment(
    datadog: FakeDatadog,
) -> None:
    datadog.serve("checkout", "production", "v1", minutes(-100, 600))
    datadog.serve("checkout", "production", "v2", minutes(590, 1_500))
    async with reaching(datadog) as poller:
        await poller.poll()

    assert poller.found == [("checkout", "production", "v2", (EDGE_MINUTE + 590) * MINUTE_MS)]
    held = next(iter(poller.sink.store.deployments.values()))
    assert (held.started_at, held.source) == (held.finished_at, "apm")
    assert held.id.startswith("apm:")


async def test_a_rollback_is_seen_across_passes(datadog: FakeDatadog) -> None:
    datadog.serve("checkout", "production", "v1", minutes(-100, 1_405))
    datadog.serve("checkout", "production", "v2", minutes(1_400, 1_500))
    async with reaching(datadog) as poller:
        await poller.poll()
        datadog.serve("checkout", "production", "v1", minutes(1_490, 1_600))
        poller.clock.advance(2 * HOUR_MS)
        await poller.poll()

    assert found(poller) == [("v2", 1_400), ("v1", 1_490)]


async def test_the_minutes_that_have_not_settled_are_not_asked_for(datadog: FakeDatadog) -> None:
    async with reaching(datadog) as poller:
        await poller.poll()

    spans = [
        (question["data"]["attributes"]["from"], question["data"]["attributes"]["to"]) for question in datadog.seen
    ]
    assert spans[-1][1] == (NOW_MINUTE - 2) * MINUTE_MS
    assert spans[0][0] == (EDGE_MINUTE - 30) * MINUTE_MS, "one gap before the edge, to know what was live at it"
    assert all(0 < end - first <= 4 * HOUR_MS for first, end in spans), "longer questions get coarser answers"
    assert all(end == first for (_, end), (first, _) in pairwise(spans))


async def test_the_next_pass_reads_the_overlap_again_and_finds_what_came_late(datadog: FakeDatadog) -> None:
    datadog.serve("checkout", "production", "v2", minutes(1_435, 1_440))
    async with reaching(datadog) as poller:
        await poller.poll()
        first = dict(poller.sink.store.deployments)
        datadog.serve("checkout", "production", "v2", minutes(1_432, 1_435))
        poller.clock.advance(5 * MINUTE_MS)
        await poller.poll()

    assert found(poller) == [("v2", 1_432)]
    assert poller.sink.store.deployments.keys() == first.keys()


async def test_without_an_operation_datadog_takes_the_primary_one(datadog: FakeDatadog) -> None:
    async with reaching(datadog) as poller:
        await poller.poll()

    query = datadog.seen[0]["data"]["attributes"]["queries"][0]
    assert query == {
        "data_source": "apm_metrics",
        "name": "hits",
        "stat": "hits",
        "group_by": ["service", "env", "version"],
    }


async def test_an_operation_is_asked_for_by_its_metric_in_each_environment(datadog: FakeDatadog) -> None:
    for environment in ("production", "staging", "development"):
        datadog.serve("checkout", environment, "v1", minutes(100, 200))
    async with reaching(datadog, operation="http.request", environments=["production", "staging"]) as poller:
        await poller.poll()

    assert [each[1] for each in poller.found] == ["production", "staging"]
    query = datadog.seen[1]["data"]["attributes"]["queries"][0]["query"]
    scope = "sum:trace.http.request.hits{env:staging,version:*} by {service,env,version}"
    assert query == f"{scope}.as_count().rollup(sum,60)"


@pytest.mark.parametrize("version", ["", "none", "unknown", "latest", "Latest"])
async def test_a_version_that_says_nothing_is_left_out(datadog: FakeDatadog, version: str) -> None:
    datadog.serve("checkout", "production", version, minutes(100, 200))
    async with reaching(datadog) as poller:
        await poller.poll()

    assert poller.found == []
    assert poller.sink.skipped > 0


async def test_a_version_that_is_a_sha_is_the_commit_too(datadog: FakeDatadog) -> None:
    datadog.serve("checkout", "production", "C0" * 20, minutes(100, 200))
    async with reaching(datadog) as poller:
        await poller.poll()

    assert [each.commit_sha for each in poller.sink.store.deployments.values()] == ["c0" * 20]


@pytest.mark.parametrize("hits", [None, 0.0])
async def test_a_minute_without_a_hit_is_no_sighting(datadog: FakeDatadog, hits: float | None) -> None:
    datadog.serve("checkout", "production", "v1", minutes(100, 200), hits)
    datadog.serve("checkout", "production", "v1", minutes(200, 201))
    async with reaching(datadog) as poller:
        await poller.poll()

    assert found(poller) == [("v1", 200)]


async def test_a_coarser_bucket_than_asked_for_counts_for_all_its_minutes(datadog: FakeDatadog) -> None:
    datadog.interval_ms = 10 * MINUTE_MS
    datadog.serve("checkout", "production", "v1", minutes(101, 102))
    datadog.serve("checkout", "production", "v1", minutes(140, 141))
    async with reaching(datadog) as poller:
        await poller.poll()

    assert found(poller) == [("v1", 100)], "the hole between 110 and 140 is as long as the gap, but nothing was live"


@pytest.mark.parametrize("minute", [EDGE_MINUTE + 5_000_000, 10**300])
async def test_a_minute_that_was_not_asked_about_is_left_out(datadog: FakeDatadog, minute: int) -> None:
    tags = ["service:checkout", "env:production", "version:v1"]
    times = [(EDGE_MINUTE + 100) * MINUTE_MS, (EDGE_MINUTE + 101) * MINUTE_MS, minute * MINUTE_MS]
    series = {"series": [{"group_tags": tags}], "times": times, "values": [[1, 1, 1]]}
    datadog.faults.append(lambda: web.json_response({"data": {"attributes": series}}))
    async with reaching(datadog) as poller:
        await poller.poll()

    assert found(poller) == [("v1", 100)]


async def test_a_failed_pass_is_read_again_and_keeps_the_ids_that_it_gave(datadog: FakeDatadog) -> None:
    datadog.serve("checkout", "production", "v1", minutes(100, 200))
    datadog.serve("search", "production", "v1", minutes(150, 160))
    async with reaching(datadog) as poller:

        def fail_later() -> None:
            if len(datadog.seen) > 3:
                datadog.faults.append(lambda: web.Response(status=503))

        datadog.before_answer = fail_later
        with pytest.raises(Unreachable):
            await poller.poll()
        given = {each.service: each.id for each in poller.sink.store.deployments.values()}
        assert given.keys() == {"checkout", "search"}
        assert poller.memory == {}

        datadog.before_answer = lambda: None
        datadog.serve("checkout", "production", "v1", minutes(95, 100))
        datadog.hits.pop(("search", "production", "v1"))
        poller.restart()
        await poller.poll()

    assert found(poller) == [("v1", 95)]
    assert poller.sink.store.deployments.keys() == {given["checkout"]}


async def test_other_settings_read_the_past_anew_and_keep_what_is_found_again(datadog: FakeDatadog) -> None:
    datadog.serve("checkout", "production", "v1", minutes(100, 200))
    datadog.serve("checkout", "staging", "v1", minutes(100, 200))
    async with reaching(datadog) as poller:
        await poller.poll()
        before = {each.environment: each.id for each in poller.sink.store.deployments.values()}
        poller.restart(environments=["production"])
        await poller.poll()
        assert poller.sink.store.deployments.keys() == {before["production"]}

        poller.restart(environments=[])
        await poller.poll()
        assert poller.sink.store.deployments.keys() == set(before.values())


async def test_what_lies_before_the_past_that_is_read_anew_stays(datadog: FakeDatadog) -> None:
    datadog.serve("checkout", "production", "v1", minutes(100, 200))
    datadog.serve("search", "production", "v1", minutes(1_000, 1_010))
    async with reaching(datadog) as poller:
        await poller.poll()
        datadog.hits.clear()
        poller.restart(backfill="12h")
        await poller.poll()

    assert [each[0] for each in poller.found] == ["checkout"]


async def test_a_clock_set_back_finds_nothing_twice(datadog: FakeDatadog) -> None:
    datadog.serve("checkout", "production", "v1", minutes(-60, 1_600))
    datadog.serve("checkout", "production", "v2", minutes(1_400, 1_600))
    async with reaching(datadog) as poller:
        await poller.poll()
        poller.clock.advance(-6 * HOUR_MS)
        await poller.poll()
        poller.clock.advance(6 * HOUR_MS + DAY_MS)
        await poller.poll()

    assert found(poller) == [("v2", 1_400)]


async def test_an_answer_that_says_that_it_is_not_whole_fails_the_pass(datadog: FakeDatadog) -> None:
    body = b'{"data": {"attributes": {}}, "errors": "one shard did not answer"}'
    datadog.faults.append(lambda: web.Response(body=body))
    async with reaching(datadog) as poller:
        with pytest.raises(Unreadable, match="the timeseries is incomplete: one shard did not answer"):
            await poller.poll()


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": {"attr',
        b"{}",
        b'{"data": {"attributes": {"series": [{"group_tags": []}], "times": [1], "values": []}}}',
        b'{"data": {"attributes": {"series": [{"group_tags": []}], "times": [1], "values": [[1, 2]]}}}',
        b'{"data": {"attributes": {"series": [{"group_tags": []}], "times": [60000, 0], "values": [[1, 2]]}}}',
        b'{"data": {"attributes": {"series": [{"group_tags": []}], "times": [60000, 60000], "values": [[1, 2]]}}}',
    ],
)
async def test_an_answer_that_does_not_fit_fails_the_pass(datadog: FakeDatadog, body: bytes) -> None:
    datadog.faults.append(lambda: web.Response(body=body))
    async with reaching(datadog) as poller:
        with pytest.raises(Unreadable):
            await poller.poll()


async def test_the_list_is_not_asked_when_the_metrics_are_refused(datadog: FakeDatadog) -> None:
    datadog.faults.append(lambda: web.json_response({"errors": ["Forbidden"]}, status=403))
    async with reaching(datadog) as poller:
        with pytest.raises(Refused):
            await poller.poll()

    assert [question["data"]["type"] for question in datadog.seen] == ["timeseries_request"]
