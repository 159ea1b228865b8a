"""An incident goes all the way: exporter, Prometheus, rule, Alertmanager, webhook, and back into the exporter."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.daemon import Daemon, RunningDaemon
from tests.e2e.prometheus import Prometheus
from tests.grafana.monitoring import alertmanager, firing, prometheus_with_rules
from tests.storage.postgresql.waiting import until

from dora_exporter.runtime.clock import system_clock

pytestmark = pytest.mark.e2e

KEY = "a-key-for-the-alertmanager"
SUMMARY = "checkout (production): incident open for 5h "
HOUR = 3600
CHAIN_SECONDS = 60.0


@dataclass(frozen=True)
class Chain:
    """The daemon at both ends, and the Prometheus in between."""

    daemon: RunningDaemon
    prometheus: Prometheus

    def send_incident(self, **attributes: object) -> None:
        """Reports the incident that everything is about."""
        began = system_clock() // 1000 - 5 * HOUR
        facts = {"id": "the-incident-itself", "services": ["checkout"], "env": "production", "started_at": began}
        answer = self.daemon.request("POST", "/api/v1/events", _line(facts | attributes), {"DD-API-KEY": KEY})
        assert answer.json()["errors"] == [], answer

    def alerts_incidents(self, *, is_over: bool) -> list[dict[str, Any]]:
        """What the alert has become in the daemon, open or over; another one each time that a scrape came too late."""
        answer = self.daemon.request("POST", "/api/v2/dora/failures", _LIST, {"DD-API-KEY": KEY})
        incidents = [each["attributes"] for each in answer.json()["data"]]
        alerts = [each for each in incidents if str(each.get("name")).startswith(SUMMARY)]
        return [each for each in alerts if (each.get("finished_at") is not None) is is_over]

    def firing(self) -> list[tuple[str, str | None]]:
        """The alerts that fire, and about which service."""
        return [(labels["alertname"], labels.get("service")) for labels in firing(self.prometheus)]


_LIST = b'{"data": {"type": "dora_failures_list_request", "attributes": {}}}'


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    with running_chain(tmp_path) as running:
        yield running


@contextmanager
def running_chain(folder: Path) -> Iterator[Chain]:
    """Starts the daemon, the Alertmanager that tells it of alerts, and the Prometheus between them."""
    settings = {"api_keys": [KEY], "sources": {"alerts": {"kind": "alertmanager", "matchers": ["alertname=~Dora.*"]}}}
    with (
        Daemon(folder, settings).running() as daemon,
        alertmanager(folder, f"{daemon.url}/webhooks/alertmanager", KEY) as port,
        prometheus_with_rules(folder, daemon.port, port) as server,
    ):
        yield Chain(daemon, server)


def test_an_incident_that_is_open_too_long_fires_and_its_end_resolves(chain: Chain) -> None:
    chain.send_incident()
    reported, *_ = until(lambda: chain.alerts_incidents(is_over=False), seconds=CHAIN_SECONDS)
    assert reported["services"] == ["checkout"]
    assert reported["env"] == "production"
    assert reported["severity"] == "warning"
    until(lambda: chain.firing() == [("DoraIncidentOpenTooLong", "checkout")], otherwise=chain.firing)

    chain.send_incident(finished_at=system_clock() // 1000)
    until(lambda: not chain.alerts_incidents(is_over=False), seconds=CHAIN_SECONDS)
    assert reported["started_at"] in [each["started_at"] for each in chain.alerts_incidents(is_over=True)]
    until(lambda: not chain.firing(), otherwise=chain.firing)


def _line(attributes: dict[str, object]) -> bytes:
    return json.dumps({"type": "failure", "attributes": attributes}).encode()
