"""The real daemon in a process of its own, stopped, killed and started again on the same files."""

import http.client
import json
import os
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.process import Process
from tests.oracle.gauges import Sample

REQUEST_SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as JSON."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


@dataclass
class Daemon:
    """A daemon and the folder that its configuration and snapshot are kept in."""

    folder: Path
    settings: Mapping[str, object] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None
    credentials: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def snapshot(self) -> Path:
        """Its snapshot file."""
        return self.folder / "snapshot.jsonl"

    @contextmanager
    def running(self) -> Iterator["RunningDaemon"]:
        """Starts it and waits until it listens and is ready; at the end nothing of it is left running."""
        configuration = self.folder / "config.yaml"
        configuration.write_text(json.dumps(dict(self.settings)))
        command = [
            *(sys.executable, "-m", "dora_exporter"),
            f"--config.file={configuration}",
            f"--snapshot.path={self.snapshot}",
            "--web.listen-address=127.0.0.1:0",
            *self.flags,
        ]
        with Process(command, environment=_clean_environment() | dict(self.environment)) as process:
            address = process.wait_for_log(r'msg="?listening"?.* address="?(?P<host>[\d.]+):(?P<port>\d+)')
            running = RunningDaemon(process, address["host"], int(address["port"]), self.tls)
            running.wait_until_ready(self.credentials)
            yield running


@dataclass(frozen=True)
class RunningDaemon:
    """One life of a daemon."""

    process: Process
    host: str
    port: int
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        """A connection to it, for several requests; the caller closes it."""
        if self.tls is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=REQUEST_SECONDS)
        return http.client.HTTPSConnection(self.host, self.port, timeout=REQUEST_SECONDS, context=self.tls)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        with closing(self.connect()) as connection:
            return ask(connection, method, path, body, headers)

    def get(self, path: str, **headers: str) -> Answer:
        """Reads a page."""
        return self.request("GET", path, headers=headers)

    def send(self, kind: str, **attributes: object) -> str:
        """Sends a deployment or a failure, which must be accepted, and returns its id."""
        answer = self.request("POST", f"/api/v2/dora/{kind}", event_body(**attributes))
        assert answer.status in {200, 202}, answer
        return str(answer.json()["data"]["id"])

    def samples(self) -> dict[Sample, float]:
        """A scrape: values by family and labels."""
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.get("/metrics").body.decode())
            for sample in family.samples
        }

    def sample(self, name: str, **labels: str) -> float | None:
        """One value of a scrape, None when it is absent."""
        return self.samples().get((name, frozenset(labels.items())))

    def wait_until_ready(self, credentials: Mapping[str, str] | None = None) -> None:
        """Returns once it has replayed its snapshot; it is asked again at once, for each answer takes its time."""
        while self.request("GET", "/-/ready", headers=credentials).status != http.client.OK:
            assert self.process.is_running, self.process.text


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on a connection that may serve others."""
    content = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, body, content | dict(headers or {}))
    response = connection.getresponse()
    return Answer(response.status, dict(response.getheaders()), response.read())


def event_body(**attributes: object) -> bytes:
    """The body that creates an event."""
    return json.dumps({"data": {"attributes": attributes}}).encode()


def _clean_environment() -> dict[str, str]:
    """This process's environment without what would configure the daemon."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("DORA_")}
