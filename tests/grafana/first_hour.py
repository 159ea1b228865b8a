"""The commands of the manual's first page, the demo first, run as they stand but for their ports and folders."""

import http.client
import json
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from tests.docs import manual
from tests.e2e.process import Process
from tests.e2e.programs import program
from tests.e2e.prometheus import Prometheus
from tests.grafana.dashboards import GRAFANA
from tests.storage.postgresql.servers import free_port

from dora_exporter.runtime.clock import stopwatch

CHECKOUT = GRAFANA.parent
PORTS = {"demo": 3672, "alertmanager": 9093, "prometheus": 9090}
_DEBIANS_NAMES = {"alertmanager": "prometheus-alertmanager"}
_IS_UP = {
    "dora-exporter": r'msg="?ready"?|\bready\b',
    "alertmanager": r"Listening on",
    "prometheus": r"Server is ready to receive web requests",
}
_RESOLVED_SECONDS = 240.0


def commands() -> list[list[str]]:
    """What the manual tells a newcomer to type, the demo first."""
    (block,) = manual.blocks(manual.page("docs/getting-started.md").text, "shell")
    return [shlex.split(line) for line in block.text.splitlines()]


@dataclass(frozen=True)
class FirstHour:
    """All that runs after these commands, and the one that looks at alerts."""

    prometheus: Prometheus
    alertmanager_port: int
    look: list[str]

    def look_at_alerts(self) -> str:
        """What the last command prints."""
        return subprocess.run(self.look, check=True, capture_output=True, encoding="utf-8", timeout=30).stdout

    def active(self, alert: str) -> dict[str, Mapping[str, str]]:
        """The labels of the alerts of a name that Alertmanager holds for firing, by fingerprint."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.alertmanager_port, timeout=10)) as connection:
            connection.request("GET", "/api/v2/alerts")
            found: list[dict[str, Any]] = json.loads(connection.getresponse().read())
        return {each["fingerprint"]: each["labels"] for each in found if each["labels"]["alertname"] == alert}

    def wait_for_a_resolved(self, alert: str) -> Mapping[str, str]:
        """The labels of the first alert of a name that fired and does so no more."""
        deadline = stopwatch() + _RESOLVED_SECONDS
        fired: dict[str, Mapping[str, str]] = {}
        while True:
            active = self.active(alert)
            fired |= active
            for fingerprint, labels in fired.items():
                if fingerprint not in active:
                    return labels
            assert stopwatch() < deadline, fired
            sleep(0.5)


@contextmanager
def first_hour(folder: Path) -> Iterator[FirstHour]:
    """Types the commands, on ports that are free and with a copy of the files in which the ports are named."""
    demo, alertmanager, prometheus, _grafana, look = commands()
    ports = {name: free_port() for name in PORTS}
    _copy_with(ports, folder)
    demo.append(f"--web.listen-address=127.0.0.1:{ports['demo']}")
    with ExitStack() as stack:
        for typed in (demo, alertmanager, prometheus):
            process = stack.enter_context(Process(_runnable(typed, ports, folder)))
            stack.callback(process.stop)
            process.wait_for_log(_IS_UP[typed[0]])
        server = Prometheus(process, ports["prometheus"])
        yield FirstHour(server, ports["alertmanager"], _runnable(look, ports, folder))


def _copy_with(ports: Mapping[str, int], folder: Path) -> None:
    for file in (*CHECKOUT.glob("deploy/*/*.y*ml"), *CHECKOUT.glob("grafana/rules/*.yaml")):
        place = folder / file.relative_to(CHECKOUT)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_with_ports(file.read_text(encoding="utf-8"), ports), encoding="utf-8")


def _with_ports(text: str, ports: Mapping[str, int]) -> str:
    for name, port in ports.items():
        text = text.replace(f"127.0.0.1:{PORTS[name]}", f"127.0.0.1:{port}")
    return text


def _runnable(typed: list[str], ports: Mapping[str, int], folder: Path) -> list[str]:
    """A command with paths that do not depend on the working directory."""
    name, *arguments = (_with_ports(each, ports) for each in typed)
    return [
        program(_DEBIANS_NAMES.get(name, name)),
        *(each.replace("=/tmp/", f"={folder}/").replace("=deploy/", f"={folder}/deploy/") for each in arguments),
    ]
