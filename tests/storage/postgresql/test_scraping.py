"""A real Prometheus that scrapes replicas as the manual says counts nothing twice, whichever replica answers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.docs import manual
from tests.e2e.process import Process
from tests.e2e.programs import program
from tests.e2e.prometheus import Prometheus
from tests.storage.postgresql.cluster import Database
from tests.storage.postgresql.events import ENVIRONMENT, post
from tests.storage.postgresql.proxy import proxy_to
from tests.storage.postgresql.replicas import replicas
from tests.storage.postgresql.waiting import until

pytestmark = pytest.mark.e2e

SHOWN = f'sum(dora_deployments{{environment="{ENVIRONMENT}", window="7d"}})'


def documented() -> dict[str, Any]:
    """The scrape configuration for replicas."""
    (block,) = manual.blocks(manual.page("docs/operations/replicas.md").text, "yaml")[1:]
    parsed: dict[str, Any] = yaml.safe_load(block.text)
    return parsed


@contextmanager
def scraping(folder: Path, service: int, ports: list[int]) -> Iterator[Prometheus]:
    """Starts Prometheus with it, on these ports."""
    configuration = documented() | {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}}
    together, apart = configuration["scrape_configs"]
    together["static_configs"] = [{"targets": [f"127.0.0.1:{service}"]}]
    apart["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in ports]}]
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(configuration))
    command = [program("prometheus"), f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with Process([*command, "--web.listen-address=127.0.0.1:0"]) as process:
        address = process.wait_for_log(r'(?=.*msg="Listening on").*address=127\.0\.0\.1:(?P<port>\d+)')
        yield Prometheus(process, int(address["port"]))


def test_each_number_is_there_once_and_each_replica_is_seen(folder: Path, database: Database) -> None:
    with replicas(folder, database, [database.url()] * 2) as fleet:
        first, second = (each.running for each in fleet)
        with proxy_to(first.port) as service, scraping(folder, service.port, [first.port, second.port]) as server:
            post(first, "one")
            post(second, "two")
            until(lambda: list(server.query(SHOWN).values()) == [2.0])
            until(lambda: list(server.query("count(dora_exporter_log_up)").values()) == [2.0])
            until(lambda: list(server.query("sum(dora_exporter_leader)").values()) == [1.0])
            assert list(server.query('count(up{job="dora"})').values()) == [1.0]

            fleet[0].kill()
            service.target_port = second.port
            post(second, "three")
            until(lambda: list(server.query(SHOWN).values()) == [3.0])
            assert len(server.query('count by (instance) (dora_deployments{window="7d"})')) == 1
