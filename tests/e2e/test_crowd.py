"""A crowd of strangers costs little memory, and whoever comes is answered all the same."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from tests.e2e.daemon import Daemon, RunningDaemon

MEGABYTE = 1 << 20
MANY = 500
SIGNED = {"api_keys": ["k"], "sources": {"pd": {"kind": "pagerduty", "webhook_secrets": ["s3cret"]}}}
SIGNATURE = b"X-PagerDuty-Signature: v1=" + b"0" * 64 + b"\r\n"
PARTS = b"Content-Type: multipart/form-data; boundary=XX\r\n"
PART = b"--XX\r\nContent-Disposition: form-data; name=packfile\r\n\r\n"
HALF_HEAD = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"


def post(path: bytes, more: bytes = b"", length: int = MEGABYTE) -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n" % (path, more, length)


@contextmanager
def crowding(daemon: RunningDaemon, sent: bytes) -> Iterator[None]:
    """So many connections that all send the same and then wait."""
    with ExitStack() as opened:
        for _ in range(MANY):
            connection = opened.enter_context(socket.create_connection((daemon.host, daemon.port), timeout=30))
            with suppress(ConnectionError):  # it may be refused before all is sent
                connection.sendall(sent)
        yield


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"api_keys": ["k"]}, HALF_HEAD + b"".join(b"X%d: %s\r\n" % (number, b"y" * 200) for number in range(100))),
        ({"api_keys": ["k"]}, post(b"/api/v2/dora/deployment") + b" " * (MEGABYTE - 1)),
        ({"api_keys": ["k"]}, post(b"/api/v2/webhook") + b" " * (MEGABYTE - 1)),
        ({"api_keys": ["k"]}, (HALF_HEAD + b"\r\n") * 5000),
        (SIGNED, post(b"/api/v2/webhook", SIGNATURE) + b" " * (MEGABYTE - 1)),
        ({}, post(b"/api/v2/dora/deployment") + b" " * (MEGABYTE - 1)),
        ({}, post(b"/api/v1/events", length=1 << 30) + b"x" * (MEGABYTE - 1)),
        ({}, post(b"/api/v1/events?atomic=true", length=1 << 30) + b"x" * (MEGABYTE - 1)),
        ({}, post(b"/api/v2/git/repository/packfile", PARTS, 1 << 30) + PART + b"x" * (MEGABYTE // 2)),
    ],
    ids=["head", "body", "webhook", "pipeline", "signed", "open", "bulk", "atomic", "multipart"],
)
def test_what_many_begin_and_do_not_end_costs_little(tmp_path: Path, settings: dict[str, object], sent: bytes) -> None:
    with Daemon(tmp_path, settings).running() as daemon:
        before = daemon.sample("process_resident_memory_bytes") or 0
        with crowding(daemon, sent):
            held = (daemon.sample("process_resident_memory_bytes") or 0) - before
        assert held < 100 * MEGABYTE
        assert daemon.get("/-/healthy").status == 200
        assert daemon.process.stop() == 0


@pytest.mark.parametrize("hard", [300, 200])
def test_descriptors_do_not_run_out(tmp_path: Path, hard: int) -> None:
    with Daemon(tmp_path, {"api_keys": ["k"]}).running() as daemon:
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
        with crowding(daemon, HALF_HEAD):
            assert daemon.get("/metrics").status == 200
        assert daemon.get("/metrics").status == 200
        assert daemon.process.stop() == 0
        assert len(daemon.process.text.splitlines()) < 50


def test_the_soft_limit_is_raised_to_the_hard_one(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        with Daemon(tmp_path).running() as daemon:
            assert resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
