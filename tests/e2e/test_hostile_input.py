"""Nothing that is sent ends in a 500, a hang, a crash or half an event."""

import gzip
import json
import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.e2e.daemon import Answer, Daemon, RunningDaemon, event_body

from dora_exporter.runtime.clock import stopwatch, system_clock

DEPLOYMENT = "/api/v2/dora/deployment"
FAILURE = "/api/v2/dora/failure"
SOON_SECONDS = 10.0
NOW_S = system_clock() // 1000


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """One daemon for all of them: what it survives, it survives in a row."""
    with Daemon(tmp_path_factory.mktemp("daemon")).running() as alive:
        yield alive
        assert alive.process.is_running
        assert "Traceback" not in alive.process.text
        assert alive.samples()
        assert alive.process.stop() == 0


def deployment_body(**changes: object) -> bytes:
    return event_body(**{"service": "checkout", "started_at": NOW_S - 120, "finished_at": NOW_S - 60, **changes})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"[" * 100_000, "object"),
        (b"null", "object"),
        (b'{"data": []}', "data"),
        (b'{"data": {}}', "attributes"),
        (event_body(), "service"),
        ({"service": ""}, "service"),
        ({"service": ["checkout"]}, "service"),
        ({"service": "x" * 201}, "service"),
        ({"service": "a\x00b"}, "service"),
        ({"service": "\ud800"}, "service"),
        ({"env": "x" * 201}, "env"),
        ({"started_at": None}, "started_at"),
        ({"finished_at": None}, "finished_at"),
        ({"started_at": 1.7e21}, "started_at"),
        ({"started_at": float("nan")}, "started_at"),
        ({"started_at": True}, "started_at"),
        ({"started_at": str(NOW_S)}, "started_at"),
        ({"started_at": 10**15}, "started_at"),
        ({"started_at": 10**30}, "started_at"),
        ({"started_at": -1}, "started_at"),
        ({"started_at": NOW_S}, "finished_at"),
        ({"finished_at": NOW_S + 86_400}, "finished_at"),
        ({"started_at": 1_000_000_000, "finished_at": 1_000_000_000}, "finished_at"),
        ({"custom_tags": ["a:b"] * 100_001}, "custom_tags"),
        ({"custom_tags": "a:b"}, "custom_tags"),
        ({"git": {"commit_sha": "short", "repository_url": "x"}}, "commit_sha"),
        ({"id": "short"}, "id"),
        ({"padding": "x" * 10_000_000}, "longer"),
    ],
)
def test_bad_input_is_400_with_the_fields_name(
    target: RunningDaemon, body: bytes | dict[str, object], reason: str
) -> None:
    before = stopwatch()
    answer = target.request("POST", DEPLOYMENT, body if isinstance(body, bytes) else deployment_body(**body))
    assert (answer.status, reason in answer.body.decode()) == (400, True), answer
    assert answer.json()["errors"][0]["status"] == "400"
    assert stopwatch() - before < SOON_SECONDS


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", DEPLOYMENT),
        ("PUT", DEPLOYMENT),
        ("POST", "/api/v2/dora/nothing"),
        ("POST", "/api/"),
        ("DELETE", "/api/v2/dora/deployments"),
        ("PROPFIND", FAILURE),
    ],
)
def test_a_wrong_method_or_path_under_api_is_400(target: RunningDaemon, method: str, path: str) -> None:
    answer = target.request(method, path)
    assert answer.status == 400
    assert answer.json()["errors"]


def test_a_gzip_bomb_is_refused_before_it_bursts(target: RunningDaemon) -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * 200_000_000))
    assert _send_gzip(target, gzip.decompress(bomb)).status == 400


def test_a_gzip_body_of_very_many_members_is_answered_soon(target: RunningDaemon) -> None:
    before = stopwatch()
    assert _send_gzip(target, gzip.compress(b" ") * 20_000 + gzip.compress(deployment_body())).status in {200, 400}
    assert target.get("/-/healthy").status == 200
    assert stopwatch() - before < SOON_SECONDS


@pytest.mark.parametrize(
    "raw",
    [
        b"POST /api/v2/dora/deployment HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"POST /api/v2/dora/deployment HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v2/dora/deployment HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(50_000)) + b"\r\n",
    ],
)
def test_broken_http_is_refused_and_the_next_request_served(target: RunningDaemon, raw: bytes) -> None:
    with socket.create_connection((target.host, target.port), timeout=SOON_SECONDS) as connection:
        connection.sendall(raw)
        assert b" 500 " not in connection.recv(65536).partition(b"\r\n")[0]
    assert target.get("/-/healthy").status == 200


def test_any_printable_name_is_kept_and_escaped(target: RunningDaemon) -> None:
    name = 'quote " backslash \\ brace } newline-free é 日本 \u202e'
    assert target.request("POST", DEPLOYMENT, deployment_body(service=name)).status == 200
    assert name in {dict(labels).get("service") for _, labels in target.samples()}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    [
        "service",
        "services",
        "env",
        "started_at",
        "finished_at",
        "id",
        "team",
        "version",
        "git",
        "custom_tags",
        "commits",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    path=st.sampled_from([DEPLOYMENT, FAILURE, "/api/v2/dora/deployments", "/api/v2/dora/failures"]),
    facts=st.dictionaries(fields, json_values, max_size=4),
)
def test_events_with_anything_in_their_fields_are_taken_or_refused(
    target: RunningDaemon, path: str, facts: dict[str, object]
) -> None:
    answer = target.request("POST", path, deployment_body(**facts))
    assert answer.status in {200, 400}, answer
    assert answer.json()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lines=st.lists(st.binary(max_size=60) | json_values.map(lambda each: json.dumps(each).encode()), max_size=6))
def test_bulk_bodies_of_anything_are_answered(target: RunningDaemon, lines: list[bytes]) -> None:
    assert target.request("POST", "/api/v1/events", b"\n".join(lines)).status in {200, 400}


def _send_gzip(target: RunningDaemon, body: bytes) -> Answer:
    return target.request("POST", DEPLOYMENT, body, {"Content-Encoding": "gzip"})
