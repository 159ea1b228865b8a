"""A daemon whose log nobody reads goes on, and ends when it is told to."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.e2e.daemon import Answer, Daemon
from tests.storage.postgresql.waiting import until

TWICE_A_PIPE = 128 * 1024
BROKEN = b"POST /api/v2/webhook HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


def break_off(host: str, port: int) -> bytes:
    """A body that breaks after its first piece."""
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(BROKEN)
        connection.sendall(b"ZZ\r\n")
        return connection.recv(65_536)


def test_requests_are_answered_while_nobody_reads_the_log(tmp_path: Path) -> None:
    configuration = tmp_path / "config.yaml"
    configuration.write_text(json.dumps({"api_keys": ["k"], "log": {"level": "debug"}}))
    command = [
        *(sys.executable, "-m", "dora_exporter", f"--config.file={configuration}"),
        *(f"--snapshot.path={tmp_path / 'snapshot'}", "--web.listen-address=127.0.0.1:0"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        log = b""
        while b"msg=ready" not in log:
            log += os.read(process.stderr.fileno(), 65_536)
        port = int(re.findall(rb"address=127\.0\.0\.1:(\d+)", log)[0])
        path = f"/api/{'x' * 4000}"  # a line of this length for each
        try:
            for _ in range(TWICE_A_PIPE // 4000):
                assert ask("127.0.0.1", port, f"GET {path} HTTP/1.0\r\n\r\n".encode()).status == 400
            assert (
                b"dora_exporter_log_lines_dropped_total"
                in ask("127.0.0.1", port, b"GET /metrics HTTP/1.0\r\n\r\n").body
            )
            process.send_signal(signal.SIGTERM)
            until(lambda: process.poll() is not None, seconds=5)
            assert process.returncode == 0
        finally:
            process.kill()


def ask(host: str, port: int, request: bytes) -> Answer:
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return Answer(int(head.split()[1]), {}, body)


def test_a_daemon_without_standard_error_runs_and_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dora_exporter", "demo", "--days=3", "--web.listen-address=127.0.0.1:0"]
    shell = " ".join(command)
    with subprocess.Popen(["/bin/sh", "-c", f"exec {shell} 2>&-"], cwd=tmp_path) as process:
        try:
            while not (is_listening := listens(process.pid)) and process.poll() is None:
                pass
            assert is_listening
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


def listens(pid: int) -> bool:
    """Whether a process has a listening socket: those of the machine, by their inodes."""
    rows = [row.split() for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    listening = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}
    return any(link in listening for link in open_files(pid))


def open_files(pid: int) -> Iterator[str]:
    """What a process has open; one that closes meanwhile is passed over."""
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            yield str(file.readlink())


def test_what_a_stranger_breaks_makes_short_lines_and_few(tmp_path: Path) -> None:
    with Daemon(tmp_path, {"api_keys": ["k"]}).running() as daemon:
        before = len(daemon.process.text)
        for _ in range(50):
            break_off(daemon.host, daemon.port)
        assert daemon.process.stop() == 0
        said = daemon.process.text[before:]
    assert "Traceback" not in said
    assert len(said) < 50 * 200
