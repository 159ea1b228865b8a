"""The daemon under measurement: a process of its own, on a core of its own, with a snapshot file to start from."""

import gzip
import http.client
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.processes import SERVER_CORE, START_SECONDS, Server, start

MODULE = "dora_exporter"
FORGETFUL = "tests.benchmarks.forgetful"
"""The daemon with its log switched off."""

WATCHED = "tests.benchmarks.watched"
"""The daemon with an eye on its event loop."""

_LISTENING = r"listening address=127\.0\.0\.1:([1-9]\d*)"
_LOOK_SECONDS = 0.02


@dataclass
class Daemon:
    """A running daemon, one kept-alive connection to it, and the file that holds its log."""

    server: Server
    log: Path
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        """Connects."""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
        """The body of an answer that says it went well."""
        try:
            self.connection.request(method, path, body=body or None, headers=headers or {})
        except ConnectionError:  # it was idle for longer than the daemon keeps it; another is made
            self.connection.close()
            self.connection.request(method, path, body=body or None, headers=headers or {})
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status not in {200, 202}:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    def is_ready(self) -> bool:
        """Whether it has read its events."""
        self.connection.request("GET", "/-/ready")
        answer = self.connection.getresponse()
        answer.read()
        return answer.status == 200

    def scrape(self) -> bytes:
        """A scrape as Prometheus makes it, as it comes: gzipped."""
        return self.ask("GET", "/metrics", headers={"Accept-Encoding": "gzip"})

    def samples(self) -> int:
        """How many samples a scrape has."""
        return sum(not line.startswith(b"#") for line in gzip.decompress(self.scrape()).splitlines())

    def deploy(self, service: str, environment: str, finished_at_ms: int, version: str) -> None:
        """Reports a deployment."""
        attributes = {
            "service": service,
            "env": environment,
            "started_at": finished_at_ms - 1000,
            "finished_at": finished_at_ms,
            "version": version,
        }
        body = json.dumps({"data": {"attributes": attributes}}).encode()
        self.ask("POST", "/api/v2/dora/deployment", body, {"Content-Type": "application/json"})


def start_daemon(
    folder: Path,
    snapshot: Path,
    *,
    module: str = MODULE,
    core: int | None = SERVER_CORE,
    settings: Mapping[str, object] | None = None,
) -> Daemon:
    """Starts a daemon from a snapshot file, and waits until it is ready. Without a core it may use them all."""
    configuration = folder / "benchmark.yaml"
    configuration.write_text(json.dumps(settings or {}))
    command = [sys.executable, "-m", module, f"--config.file={configuration}", f"--snapshot.path={snapshot}"]
    command += ["--web.listen-address=127.0.0.1:0"]
    log = folder / f"{module}-{snapshot.stem}.log"
    daemon = Daemon(start(command, log=log, ready=_LISTENING, core=core), log)
    deadline = time.monotonic() + START_SECONDS
    while not daemon.is_ready():
        if time.monotonic() > deadline:
            daemon.server.kill()
            raise RuntimeError(f"not ready, see {log}")
        time.sleep(_LOOK_SECONDS)
    return daemon


@contextmanager
def running_daemon(
    folder: Path,
    snapshot: Path,
    *,
    module: str = MODULE,
    core: int | None = SERVER_CORE,
    settings: Mapping[str, object] | None = None,
) -> Iterator[Daemon]:
    """A daemon for the time of the block."""
    daemon = start_daemon(folder, snapshot, module=module, core=core, settings=settings)
    try:
        yield daemon
    finally:
        daemon.connection.close()
        daemon.server.stop()
