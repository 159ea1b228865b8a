"""Deployments found by range queries, against a stateful fake Prometheus."""

import json
from base64 import b64encode
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import ValidationError
from tests.builders import HOUR_MS, NOW_MS
from tests.sources.fake_prometheus import FakePrometheus
from tests.sources.polled import WINDOW_MS, Poller, polled

from dora_exporter.dora.events import DAY_MS, MINUTE_MS
from dora_exporter.sources.contract import Misconfigured, Unreadable
from dora_exporter.sources.http.client import Refused
from dora_exporter.sources.prometheus.source import PrometheusSettings

EDGE = (NOW_MS // MINUTE_MS - 2 - 24 * 60) * 60
"""The left edge of a first pass in seconds: a day before the last minute that has settled."""


def reaching(prometheus: FakePrometheus, **settings: object) -> AbstractAsyncContextManager[Poller]:
    given = {"kind": "prometheus", "backfill": "1d"}
    return polled(prometheus.application(), address_in="url", **{**given, **settings})


def target(version: str, **labels: str) -> Mapping[str, str]:
    """The labels of a ``target_info``."""
    return {
        "__name__": "target_info",
        "job": "shop/checkout",
        "service_name": "checkout",
        "deployment_environment_name": "production",
        "service_version": version,
        **labels,
    }


def minutes(first: int, end: int) -> range:
    """The seconds of a scrape each minute, counted from the left edge."""
    return range(EDGE + first * 60, EDGE + end * 60, 60)


def found(poller: Poller) -> list[tuple[str, str, str | None, int]]:
    """Service, environment, version and minute of each deployment held."""
    return [
        (service, environment, version, at // MINUTE_MS - EDGE // 60)
        for service, environment, version, at in poller.found
    ]


@pytest.fixture
def prometheus() -> FakePrometheus:
    return FakePrometheus()


async def test_versions_that_came_since_the_left_edge_are_deployments(prometheus: FakePrometheus) -> None:
    prometheus.expose(target("v1"), minutes(-100, 610))
    prometheus.expose(target("v2", instance="a"), minutes(600, 1_000))
    prometheus.expose(target("v2", instance="b"), minutes(590, 1_000))
    prometheus.expose(target("v1"), minutes(995, 1_500))
    async with reaching(prometheus) as poller:
        await poller.poll()

    assert found(poller) == [("checkout", "production", "v2", 590), ("checkout", "production", "v1", 995)]
    assert prometheus.seen[0]["query"] == "target_info"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"service_name": "", "deployment_environment_name": ""}, ("shop/checkout", "none")),
        ({"deployment_environment_name": "", "deployment_environment": "live"}, ("checkout", "live")),
    ],
)
async def test_the_first_label_that_is_not_empty_counts(
    prometheus: FakePrometheus, labels: dict[str, str], expected: tuple[str, str]
) -> None:
    prometheus.expose(target("v1", **labels), minutes(100, 200))
    async with reaching(prometheus) as poller:
        await poller.poll()

    assert [names[:2] for names in found(poller)] == [expected]


async def test_labels_and_query_are_those_of_the_settings(prometheus: FakePrometheus) -> None:
    prometheus.expose({"app": "search", "stage": "live", "image": "1.2"}, minutes(100, 200))
    labels = {"service": "app", "environment": ["tier", "stage"], "version": "image"}
    async with reaching(prometheus, query="count by (app) (x)", labels=labels) as poller:
        await poller.poll()

    assert found(poller) == [("search", "live", "1.2", 100)]
    assert prometheus.seen[0]["query"] == "count by (app) (x)"


async def test_the_configured_environment_is_that_of_a_series_without_one(prometheus: FakePrometheus) -> None:
    prometheus.expose({"job": "search", "version": "1.2"}, minutes(100, 200))
    async with reaching(prometheus, environment="live") as poller:
        await poller.poll()

    assert found(poller) == [("search", "live", "1.2", 100)]


async def test_a_series_without_a_service_or_a_version_is_left_out(prometheus: FakePrometheus) -> None:
    prometheus.expose({"version": "1.2"}, minutes(100, 200))
    prometheus.expose({"job": "search"}, minutes(100, 200))
    async with reaching(prometheus) as poller:
        await poller.poll()

    assert found(poller) == []
    assert poller.sink.skipped == 2


@pytest.mark.parametrize("value", ["0", "NaN"])
async def test_a_sample_that_says_not_there_is_no_sighting(prometheus: FakePrometheus, value: str) -> None:
    prometheus.expose(target("v1"), minutes(100, 200), value)
    async with reaching(prometheus) as poller:
        await poller.poll()

    assert found(poller) == []


async def test_the_lookback_of_a_series_that_went_silent_hides_no_rollback(prometheus: FakePrometheus) -> None:
    prometheus.lookback = 300
    prometheus.expose(target("v1"), minutes(-100, 600))
    prometheus.expose(target("v2"), minutes(600, 640))
    prometheus.expose(target("v1"), minutes(640, 1_500))
    async with reaching(prometheus) as poller:
        await poller.poll()

    assert [names[2:] for names in found(poller)] == [("v2", 600), ("v1", 640)]


@pytest.mark.parametrize("step", ["60s", "15s", "7s", "5m"])
async def test_no_question_has_more_points_than_prometheus_answers(prometheus: FakePrometheus, step: str) -> None:
    prometheus.expose(target("v1"), range(EDGE + 6_000, EDGE + 20_000))
    async with reaching(prometheus, step=step, backfill="3d") as poller:
        await poller.poll()

    began = poller.found[0][3]
    assert 0 <= began - (EDGE + 6_000) * 1000 < PrometheusSettings.model_validate(poller.settings).step.ms
    asked = [(float(each["start"]), float(each["end"])) for each in prometheus.seen]
    assert asked[0][0] * 1000 <= NOW_MS - 3 * DAY_MS


async def test_the_first_pass_reads_back_to_the_longest_window(prometheus: FakePrometheus) -> None:
    async with reaching(prometheus, backfill=None, step="1h", gap="2h") as poller:
        await poller.poll()

    read_ms = NOW_MS - float(prometheus.seen[0]["start"]) * 1000
    assert float(prometheus.seen[-1]["end"]) * 1000 <= NOW_MS - 2 * MINUTE_MS - HOUR_MS
    assert WINDOW_MS < read_ms <= WINDOW_MS + 4 * 60 * MINUTE_MS


async def test_what_was_found_just_before_a_shorter_past_stays(prometheus: FakePrometheus) -> None:
    prometheus.expose(target("v1"), minutes(-100, 600))
    prometheus.expose(target("v2"), minutes(600, 1_000))
    async with reaching(prometheus) as poller:
        await poller.poll()
        poller.restart(backfill=f"{24 * 60 - 610}m")
        assert poller.memory == {}
        await poller.poll()

    assert [names[2:] for names in found(poller)] == [("v2", 600)]


@pytest.mark.parametrize(
    "warning",
    [
        "a store did not answer",
        "No StoreAPIs matched for this query",
        "receive series from Addr: 10.0.0.1:10901: rpc error: code = Unavailable",
        "remote_read: remote server returned HTTP status 500",
        "results truncated due to limit",
    ],
)
async def test_a_warning_that_a_part_is_missing_fails_the_pass(prometheus: FakePrometheus, warning: str) -> None:
    prometheus.beside["warnings"] = ["PromQL info: fine", warning]
    async with reaching(prometheus) as poller:
        with pytest.raises(Unreadable) as unreadable:
            await poller.poll()
    assert str(unreadable.value) == f"the response is incomplete: {warning}"


async def test_an_answer_that_says_that_it_is_partial_fails_the_pass(prometheus: FakePrometheus) -> None:
    prometheus.beside["isPartial"] = True
    async with reaching(prometheus) as poller:
        with pytest.raises(Unreadable, match="is incomplete: it says so itself"):
            await poller.poll()


@pytest.mark.parametrize(
    "beside",
    [
        {"warnings": ['PromQL info: metric might not be a counter, name does not end in _total: "errors" (1:10)']},
        {"warnings": ['PromQL warning: bucket label "le" is missing or has a malformed value']},
        {"warnings": ["this server will move on Sunday"]},
        {"warnings": None, "infos": None},
        {"infos": ["PromQL info: the error rate of a store is missing"], "isPartial": False},
    ],
)
async def test_a_remark_beside_an_answer_fails_nothing(prometheus: FakePrometheus, beside: dict[str, object]) -> None:
    prometheus.beside.update(beside)
    prometheus.expose(target("v1"), minutes(100, 200))
    async with reaching(prometheus) as poller:
        await poller.poll()

    assert found(poller) == [("checkout", "production", "v1", 100)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},',
        b'{"status":"success","data":{"resultType":"vector","result":[]}}',
        b'{"status":"error","error":"x"}',
    ],
)
async def test_an_answer_that_is_no_matrix_fails_the_pass(prometheus: FakePrometheus, body: bytes) -> None:
    prometheus.faults.append(lambda: web.Response(body=body))
    async with reaching(prometheus) as poller:
        with pytest.raises(Unreadable):
            await poller.poll()


@pytest.mark.parametrize("at", ["NaN", "Infinity", "-Infinity", "1e306", "90000000000", "0", str(EDGE - 60)])
async def test_a_sample_at_a_time_that_was_not_asked_about_is_left_out(prometheus: FakePrometheus, at: str) -> None:
    series = (
        {"metric": target("v1"), "values": [[EDGE + 6000, "1"]]},
        {"metric": target("v2"), "values": [["at", "1"]]},
    )
    body = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}}).replace('"at"', at)
    prometheus.faults.append(lambda: web.Response(body=body.encode()))
    async with reaching(prometheus) as poller:
        await poller.poll()

    assert found(poller) == [("checkout", "production", "v1", 100)]


async def test_a_query_that_prometheus_refuses_is_named(prometheus: FakePrometheus) -> None:
    refusal = {"status": "error", "errorType": "bad_data", "error": "parse error: unexpected <by>"}
    prometheus.faults.append(lambda: web.json_response(refusal, status=400))
    async with reaching(prometheus) as poller:
        with pytest.raises(Refused, match="parse error: unexpected <by>"):
            await poller.poll()


async def test_a_token_file_is_read_at_each_pass(prometheus: FakePrometheus, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    async with reaching(prometheus, bearer_token_file=token, backfill="1h") as poller:
        await poller.poll()
        token.write_text("two\n")
        await poller.poll()
        token.unlink()
        with pytest.raises(Misconfigured, match="token"):
            await poller.poll()

    assert {headers["Authorization"] for headers in prometheus.headers} == {"Bearer one", "Bearer two"}


async def test_basic_auth_is_sent(prometheus: FakePrometheus, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("pass:wörd")
    async with reaching(prometheus, basic_auth={"username": "me", "password_file": password}) as poller:
        await poller.poll()

    expected = b64encode("me:pass:wörd".encode()).decode()
    assert prometheus.headers[0]["Authorization"] == f"Basic {expected}"


async def test_a_certificate_that_cannot_be_loaded_is_a_misconfiguration(prometheus: FakePrometheus) -> None:
    async with reaching(prometheus, tls_config={"ca_file": "/nowhere/ca.pem"}) as poller:
        with pytest.raises(Misconfigured, match="tls_config"):
            await poller.poll()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"url": "prometheus:9090"}, "url"),
        ({"url": "http://user:secret@host"}, "url"),
        ({"query": ""}, "query"),
        ({"gap": "30s"}, "gap must not be shorter than step"),
        ({"bearer_token": "x", "basic_auth": {"username": "me"}}, "takes one of bearer_token"),
        ({"labels": {"tier": "x"}}, "tier"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint) as refused:
        PrometheusSettings.model_validate({"kind": "prometheus", "url": "http://localhost:9090", **settings})
    assert "secret" not in str(refused.value)


SHA = "0123456789abcdef0123456789ABCDEF01234567"
URL = "https://me:secret@git.example/shop/checkout.git"


def builds(poller: Poller) -> list[tuple[str | None, str | None, str | None]]:
    """Commit, repository and team of each deployment held."""
    return [(each.commit_sha, each.repository, each.team) for each in poller.sink.store.deployments.values()]


async def test_labels_name_the_commit_the_repository_and_the_team(prometheus: FakePrometheus) -> None:
    named = {"vcs_ref_head_revision": SHA, "vcs_repository_url_full": URL, "owner": "crew"}
    prometheus.expose(target("v1"), minutes(-100, 600))
    prometheus.expose(target("v2", **named), minutes(600, 1_000))
    async with reaching(prometheus, labels={"team": "owner"}) as poller:
        await poller.poll()
    assert builds(poller) == [(SHA.lower(), "git.example/shop/checkout", "crew")]


async def test_instances_that_know_less_take_nothing_from_those_that_know_more(prometheus: FakePrometheus) -> None:
    prometheus.expose(target("v1"), minutes(-100, 600))
    prometheus.expose(target("v2", instance="a"), minutes(590, 1_000))
    prometheus.expose(target("v2", instance="b", vcs_ref_head_revision=SHA), minutes(590, 1_000))
    async with reaching(prometheus) as poller:
        await poller.poll()
    assert builds(poller) == [(SHA.lower(), None, None)]


@pytest.mark.parametrize(
    ("commit", "url"),
    [("unknown", "unknown"), ("0123abc", "https://"), ("main", "no repository n/a"), (SHA + "0", "")],
)
async def test_what_is_no_full_sha_or_no_url_is_left_out(prometheus: FakePrometheus, commit: str, url: str) -> None:
    named = {"vcs_ref_head_revision": commit, "vcs_repository_url_full": url}
    prometheus.expose(target("v1"), minutes(-100, 600))
    prometheus.expose(target("v2", **named), minutes(600, 1_000))
    async with reaching(prometheus) as poller:
        await poller.poll()
    assert builds(poller) == [(None, None, None)]
