"""A real Prometheus with the shipped rules, and a real Alertmanager: both in more of a hurry than in life."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.process import Process
from tests.e2e.programs import program
from tests.e2e.prometheus import TARGET_LABELS, Prometheus
from tests.grafana.rules import groups

_LISTENING = r'(?=.*msg="?Listening on"?).*address=127\.0\.0\.1:(?P<port>\d+)'
_WAITS = ("for", "keep_firing_for")


@contextmanager
def prometheus_with_rules(folder: Path, target_port: int, alertmanager_port: int | None = None) -> Iterator[Prometheus]:
    """Starts Prometheus with the shipped rules, of which none waits before it fires or resolves.

    The target has a ``service`` and an ``environment`` of its own, as the Prometheus Operator gives every target.
    """
    rules = folder / "rules.json"
    rules.write_text(json.dumps({"groups": [_in_a_hurry(group) for group in groups()]}))
    target = {"targets": [f"127.0.0.1:{target_port}"], "labels": TARGET_LABELS}
    configuration: dict[str, Any] = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "dora", "honor_labels": True, "static_configs": [target]}],
    }
    if alertmanager_port is not None:
        receivers = [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]
        configuration["alerting"] = {"alertmanagers": receivers}
    file = folder / "prometheus.json"
    file.write_text(json.dumps(configuration))
    command = [
        program("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        "--web.listen-address=127.0.0.1:0",
    ]
    with Process(command) as process:
        port = int(process.wait_for_log(_LISTENING)["port"])
        process.wait_for_log("Server is ready to receive web requests")
        yield Prometheus(process, port)


@contextmanager
def alertmanager(folder: Path, webhook: str, key: str) -> Iterator[int]:
    """Starts an Alertmanager that tells the webhook of everything at once; gives its port."""
    receiver = {"url": webhook, "send_resolved": True, "http_config": {"authorization": {"credentials": key}}}
    by = ["alertname", "service", "environment"]
    hurry = {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"}
    configuration = {
        "route": {"receiver": "dora", "group_by": by, **hurry},
        "receivers": [{"name": "dora", "webhook_configs": [receiver]}],
    }
    file = folder / "alertmanager.json"
    file.write_text(json.dumps(configuration))
    command = [
        program("prometheus-alertmanager"),
        f"--config.file={file}",
        f"--storage.path={folder / 'alertmanager'}",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
    ]
    with Process(command) as process:
        yield int(process.wait_for_log(_LISTENING)["port"])


def ask(server: Prometheus, path: str) -> dict[str, Any]:
    """The data of an answer of Prometheus'."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request("GET", path)
        data: dict[str, Any] = json.loads(connection.getresponse().read())["data"]
        return data


def firing(server: Prometheus) -> list[dict[str, str]]:
    """The labels of the alerts that fire."""
    alerts = ask(server, "/api/v1/alerts")["alerts"]
    return [alert["labels"] for alert in alerts if alert["state"] == "firing"]


def _in_a_hurry(group: Mapping[str, Any]) -> dict[str, Any]:
    rules = [{name: value for name, value in rule.items() if name not in _WAITS} for rule in group["rules"]]
    return {"name": group["name"], "rules": rules}
