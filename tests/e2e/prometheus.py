"""A real Prometheus that scrapes a daemon as the documentation says."""

import http.client
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import urlencode

from tests.e2e.process import Process
from tests.e2e.programs import program
from tests.oracle.gauges import Sample

from dora_exporter.runtime.clock import stopwatch

SCRAPED_SECONDS = 30.0


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    process: Process
    port: int

    def query(self, expression: str) -> dict[Sample, float]:
        """An instant vector, without the labels that the target has of its own."""
        found = self.get("/api/v1/query", query=expression)["data"]["result"]
        return {
            (
                each["metric"].get("__name__", ""),
                frozenset(pair for pair in each["metric"].items() if not _is_the_targets(*pair)),
            ): float(each["value"][1])
            for each in found
        }

    def wait_for(self, expression: str, *, seconds: float = SCRAPED_SECONDS) -> dict[Sample, float]:
        """An instant vector as soon as it has samples; discovery and scrapes take Prometheus some seconds."""
        return self.wait_for_any([expression], seconds=seconds)

    def wait_for_any(self, expressions: Sequence[str], *, seconds: float = SCRAPED_SECONDS) -> dict[Sample, float]:
        """The first of several instant vectors that has samples, as soon as there is one."""
        deadline = stopwatch() + seconds
        while True:
            for expression in expressions:
                if found := self.query(expression):
                    return found
            assert stopwatch() < deadline, f"{expressions} stay empty: {self.get('/api/v1/targets')}"
            sleep(0.1)

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", f"{path}?{urlencode(parameters)}")
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer


TARGET_LABELS = {"service": "dora-exporter", "environment": "monitoring"}


def _is_the_targets(name: str, value: str) -> bool:
    return name in {"__name__", "job", "instance"} or TARGET_LABELS.get(name) == value


@contextmanager
def prometheus(folder: Path, target_port: int) -> Iterator[Prometheus]:
    """Starts Prometheus on a daemon's port.

    The target has a ``service`` and an ``environment`` of its own, as the Prometheus Operator gives every target.
    """
    target = {"targets": [f"127.0.0.1:{target_port}"], "labels": TARGET_LABELS}
    job = {"job_name": "dora", "honor_labels": True, "static_configs": [target]}
    every_second = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    configuration = folder / "prometheus.yml"
    configuration.write_text(json.dumps({"global": every_second, "scrape_configs": [job]}))
    command = [
        program("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        "--web.listen-address=127.0.0.1:0",
    ]
    with Process(command) as process:
        # The log of 2.x begins with "Start listening" and the address as given: only the second line has the port.
        address = process.wait_for_log(r'(?=.*msg="Listening on").*address=127\.0\.0\.1:(?P<port>\d+)')
        yield Prometheus(process, int(address["port"]))
