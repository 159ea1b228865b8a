"""Heads of requests and of parts may hold any bytes: what cannot be understood is 400, and nothing is a 500."""

import socket
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.e2e.daemon import Daemon, RunningDaemon

Header = tuple[bytes, bytes]

KEY = (b"DD-API-KEY", b"k")
WEBHOOK = b"/api/v2/webhook"
PACKFILE = b"/api/v2/git/repository/packfile"
SIGNATURE = b"X-PagerDuty-Signature"
PARTS = (b"Content-Type", b"multipart/form-data; boundary=XX")
SECONDS = 5.0


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    sources = {"pd": {"kind": "pagerduty"}, "am": {"kind": "alertmanager"}}
    with Daemon(tmp_path_factory.mktemp("daemon"), {"api_keys": ["k"], "sources": sources}).running() as alive:
        yield alive
        assert "Traceback" not in alive.process.text
        assert "level=error" not in alive.process.text
        assert alive.process.stop() == 0


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """One that asks PagerDuty for signatures."""
    sources = {"pd": {"kind": "pagerduty", "webhook_secrets": ["s3cret"]}}
    with Daemon(tmp_path_factory.mktemp("daemon"), {"api_keys": ["k"], "sources": sources}).running() as alive:
        yield alive


def ask(target: RunningDaemon, method: bytes, path: bytes, headers: Sequence[Header], body: bytes = b"") -> int:
    """The status; 0 where the connection is closed without a word."""
    given = {name.lower() for name, _ in headers}
    more = [] if b"host" in given else [(b"Host", b"localhost")]
    if not given & {b"content-length", b"transfer-encoding"}:
        more.append((b"Content-Length", b"%d" % len(body)))
    head = b"".join(b"%s: %s\r\n" % each for each in (*headers, *more))
    with socket.create_connection((target.host, target.port), timeout=SECONDS) as connection:
        connection.sendall(b"%s %s HTTP/1.1\r\n%s\r\n%s" % (method, path, head, body))
        connection.shutdown(socket.SHUT_WR) if b"100-continue" in head else None
        answer = connection.recv(100)
    return int(answer.split()[1]) if answer else 0


@pytest.mark.parametrize("signature", [b"v1=\xff", b"\xff" * 70, b"v1=" + b"0" * 64, b"v1=", b",,v1=" + b"\xc3" * 64])
@pytest.mark.parametrize("body", [b"{}", b"\xff", b" " * 1_048_577, b"x" * 100])
@pytest.mark.parametrize("encoding", [b"identity", b"gzip", b"\xff"])
def test_a_bad_signature_is_403_whatever_the_body(
    signed: RunningDaemon, signature: bytes, body: bytes, encoding: bytes
) -> None:
    headers = [(SIGNATURE, signature), (b"Content-Encoding", encoding)]
    assert ask(signed, b"POST", WEBHOOK, headers, body) == 403


@pytest.mark.parametrize(
    "path",
    [
        b"/api/v2/dora/deployment",
        b"/api/v2/dora/failures",
        b"/api/v1/events?atomic=maybe",
        WEBHOOK,
        PACKFILE,
        b"/webhooks/alertmanager",
    ],
)
@pytest.mark.parametrize("key", [b"", b"\xff", b"kk", b"k\xff", "ключ".encode()])
@pytest.mark.parametrize("body", [b"\xff", b" " * 3_000_000])
def test_a_bad_key_is_403_whatever_the_body(target: RunningDaemon, path: bytes, key: bytes, body: bytes) -> None:
    headers = [(b"DD-API-KEY", key), (b"Content-Encoding", b"gzip"), PARTS]
    assert ask(target, b"POST", path, headers, body[:100_000]) == 403
    length = (b"Content-Length", b"%d" % len(body))
    assert ask(target, b"POST", path, [*headers, length], body[:10]) == 403  # the rest need not come


def test_an_environment_in_a_header_must_be_utf_8(target: RunningDaemon) -> None:
    assert ask(target, b"POST", WEBHOOK, [KEY, (b"dd_env", b"pr\xffod")], b"{}") == 400


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name*0="a\'b"',
        b"Content-Disposition: form-data; name*=utf-8''%ff",
        b"Content-Disposition: form-data; name*=zzz''a",
        b'Content-Disposition: form-data; name="pushedSha"; name*1=x',
        b"Content-Disposition: \xff",
        b"\xff: x",
        b"no colon",
        b"Content-Disposition: form-data; name=pushedSha\r\nContent-Length: x",
        b"Content-Disposition: form-data; name=packfile\r\nContent-Transfer-Encoding: zzz",
        b"Content-Disposition: form-data; name=_charset_\r\nContent-Type: \xff",
        b"Content-Type: multipart/form-data; boundary=\xff",
        b"a: b\r\n" * 500,
        b"a" * 9000 + b": b",
    ],
)
def test_the_head_of_a_part_that_cannot_be_understood_is_400(target: RunningDaemon, head: bytes) -> None:
    body = b"--XX\r\n" + head + b"\r\n\r\n{}\r\n--XX--\r\n"
    assert ask(target, b"POST", PACKFILE, [KEY, PARTS], body) == 400


@pytest.mark.parametrize("path", [b"/", b"/nothing", b"/metrics", b"/api/v2/dora/deployment", b"/api/nothing", b"/%"])
def test_an_expectation_in_any_bytes_is_refused(target: RunningDaemon, path: bytes) -> None:
    assert ask(target, b"POST", path, [KEY, (b"Expect", b"\xff")]) in {400, 417}


@pytest.mark.parametrize(
    "head",
    [
        [(b"Content-Length", b"+2")],
        [(b"Content-Length", b"2, 2")],
        [(b"Content-Length", b"9" * 5000)],
        [(b"Content-Length", b"\xb2")],
        [(b"Content-Length", b"2"), (b"Content-Length", b"2")],
        [(b"Content-Length", b"2"), (b"Transfer-Encoding", b"chunked")],
        [(b"Transfer-Encoding", b"chunked, chunked")],
        [(b"Transfer-Encoding", b"\xff")],
        [(b"Host", b"a"), (b"Host", b"b")],
        [(b"X", b"a\x00b")],
        [(b"X\xff", b"a")],
    ],
)
def test_framing_that_can_be_read_in_two_ways_is_400(target: RunningDaemon, head: list[Header]) -> None:
    assert ask(target, b"POST", b"/api/v2/dora/deployment", [KEY, *head], b"{}") == 400


PATHS = [
    *(b"/", b"/metrics", b"/openapi.json", b"/-/healthy", b"/-/ready", b"/-/reload", b"/static/x", b"/why", b"/series"),
    *(b"/api/v2/dora/deployment", b"/api/v2/dora/failure", b"/api/v2/dora/deployments", b"/api/v2/dora/failures"),
    *(b"/api/v2/dora/deployments/", b"/api/v1/events", b"/api/v1/validate", b"/api/v1/explain", b"/api/v1/numbers"),
    *(b"/api/v2/git/repository/search_commits", PACKFILE, b"/api/v2/srcmap", b"/api/v1/series", WEBHOOK),
    *(b"/webhooks/alertmanager", b"/badge/", b"*", b"//", b"/%", b"http://elsewhere/"),
]
NAMES = [
    *(b"Accept", b"Accept-Encoding", b"If-None-Match", b"If-Modified-Since", b"Range", b"If-Range", b"Content-Type"),
    *(b"Content-Encoding", b"Authorization", b"DD-API-KEY", b"dd_env", SIGNATURE, b"Expect", b"Cookie", b"Host"),
    *(b"Upgrade", b"Origin", b"Sec-Fetch-Site", b"Content-Disposition", b"Content-Length", b"Transfer-Encoding"),
]
VALUES = [
    *(b"\xff", b"*/*;q=nan", b"a/b;q=1e999", b"gzip;q=-1,*", b"gzip;q=\xb2", b"multipart/form-data; boundary="),
    *(b"multipart/mixed; boundary=\xff", b"application/json; charset=\xff", b"Basic \xff", b"Basic =", b"Bearer \xff"),
    *(b"chunked", b"[::1", b"a:b:c", b"", b"x" * 8000, b"bytes=9-0", b'W/"', b"$Version=\xff", b"\xed\xa0\x80", b"0"),
]
some_bytes = st.binary(max_size=20).map(lambda each: each.translate(None, b"\r\n"))
queries = st.dictionaries(
    st.sampled_from([b"service", b"name[]", b"window", b"metric", b"source", b"atomic", b"level", b"q"]) | some_bytes,
    st.sampled_from([b"%ff", b"\xff", b"%00", b"%", b"%ed%a0%80", b"7d"]) | some_bytes.map(bytes.hex).map(str.encode),
    max_size=3,
).map(lambda each: b"&".join(b"%s=%s" % item for item in each.items()).replace(b" ", b"+"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=400)
@given(
    method=st.sampled_from([b"GET", b"POST", b"POST", b"HEAD", b"PATCH", b"DELETE", b"OPTIONS"]),
    path=st.tuples(st.sampled_from(PATHS), st.sampled_from([b"?", b"?", b"%ff?", b"\xff?", b"%00?"]), queries).map(
        b"".join
    ),
    headers=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES) | some_bytes), max_size=4),
    body=st.sampled_from([b"", b"{}", b"--XX", b'{"data":{"attributes":{"service":"\\ud800"}}}'])
    | st.binary(max_size=99),
)
def test_no_head_is_answered_500(
    target: RunningDaemon, method: bytes, path: bytes, headers: list[Header], body: bytes
) -> None:
    asks_for_more = [each for each in headers if each[0] in (b"Content-Length", b"Transfer-Encoding")]
    if asks_for_more:
        body = b""
    try:
        status = ask(target, method, path, [KEY, *headers], body)
    except TimeoutError:
        assert asks_for_more  # it waits for the rest of the body
    else:
        assert status < 500
