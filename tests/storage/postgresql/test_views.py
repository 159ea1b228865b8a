"""What Grafana reads with SQL is what the API tells."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.daemon import RunningDaemon
from tests.grafana.dashboards import CHOICES, Query, statements
from tests.storage.postgresql.cluster import Database
from tests.storage.postgresql.events import HOUR_MS, a_deployment, post
from tests.storage.postgresql.replicas import replicas

from dora_exporter.runtime.clock import system_clock

pytestmark = pytest.mark.e2e

DEPLOYMENTS = (
    *("id:text", "service:text", "environment:text"),
    *("started_at:timestamp with time zone", "finished_at:timestamp with time zone"),
    *("version:text", "commit_sha:text", "repository:text", "team:text", "source:text", "change_failure:boolean"),
)
COLUMNS = {
    "deployments": DEPLOYMENTS,
    "deployment_attempts": (*DEPLOYMENTS, "outcome:text"),
    "incidents": (
        *("id:text", "service:text", "environment:text"),
        *("started_at:timestamp with time zone", "finished_at:timestamp with time zone"),
        *("name:text", "severity:text", "team:text", "version:text", "commit_sha:text", "source:text"),
    ),
}
PATH = "/api/v2/dora/deployments/a-deployment-named-"


@pytest.fixture
def running(folder: Path, database: Database) -> Iterator[RunningDaemon]:
    with replicas(folder, database, [database.url()]) as (only,):
        yield only.running


@pytest.mark.parametrize("view", COLUMNS)
def test_the_columns_are_as_documented(running: RunningDaemon, database: Database, view: str) -> None:
    assert running.get("/-/ready").status == http.client.OK
    where = f"table_schema = 'dora' AND table_name = '{view}' ORDER BY ordinal_position"
    rows = database.sql(f"SELECT column_name || ':' || data_type FROM information_schema.columns WHERE {where}")
    assert tuple(rows) == COLUMNS[view]


def judge(daemon: RunningDaemon, name: str, *, change_failure: bool | None) -> None:
    attributes = {"change_failure": change_failure}
    data = {"id": f"a-deployment-named-{name}", "type": "dora_deployment_patch_request", "attributes": attributes}
    assert daemon.request("PATCH", f"{PATH}{name}", json.dumps({"data": data}).encode()).status == 202


def delete(daemon: RunningDaemon, name: str) -> None:
    assert daemon.request("DELETE", f"{PATH.replace('deployments', 'deployment')}{name}").status == 202


def test_deployments_are_as_last_reported(running: RunningDaemon, database: Database) -> None:
    git = {"repository_url": "https://user:pw@git.example/acme/shop.git", "commit_sha": "A" * 40}
    post(running, "replaced", version="1")
    judge(running, "replaced", change_failure=True)
    post(running, "replaced", version="2", team="crew", git=git)
    post(running, "deleted")
    delete(running, "deleted")
    post(running, "again", version="1")
    judge(running, "again", change_failure=True)
    delete(running, "again")
    post(running, "again", version="2")
    post(running, "taken-back")
    judge(running, "taken-back", change_failure=True)
    judge(running, "taken-back", change_failure=None)
    post(running, "innocent")
    judge(running, "innocent", change_failure=False)
    columns = "replace(id, 'a-deployment-named-', ''), version, team, commit_sha, repository, source, change_failure"
    assert database.sql(f"SELECT {columns} FROM dora.deployments ORDER BY id") == [
        "again|2||||api|",
        "innocent|innocent||||api|f",
        f"replaced|2|crew|{'a' * 40}|git.example/acme/shop|api|t",
        "taken-back|taken-back||||api|",
    ]


def test_attempts_that_did_not_succeed_are_no_deployments(running: RunningDaemon, database: Database) -> None:
    post(running, "good")
    post(running, "bad", outcome="failed")
    post(running, "stopped", outcome="canceled")
    post(running, "good-after-all", outcome="failed")
    post(running, "good-after-all", outcome="succeeded")
    name = "replace(id, 'a-deployment-named-', '')"
    assert database.sql(f"SELECT {name}, outcome FROM dora.deployment_attempts ORDER BY id") == [
        "bad|failed",
        "good|succeeded",
        "good-after-all|succeeded",
        "stopped|canceled",
    ]
    assert database.sql(f"SELECT {name} FROM dora.deployments ORDER BY id") == ["good", "good-after-all"]
    (finished,) = database.sql("SELECT count(*) FROM dora.deployments")
    assert sum(
        value
        for (family, labels), value in running.samples().items()
        if family == "dora_deployments" and ("window", "7d") in labels
    ) == int(finished)


def test_times_are_times(running: RunningDaemon, database: Database) -> None:
    hour = system_clock() // HOUR_MS * HOUR_MS
    post(running, "one", started_at=hour - HOUR_MS + 123, finished_at=hour - 60_000 + 456)
    times = "extract(epoch FROM started_at)::numeric(20, 3), extract(epoch FROM finished_at)::numeric(20, 3)"
    assert database.sql(f"SELECT {times} FROM dora.deployments") == [
        f"{(hour - HOUR_MS) // 1000}.123|{hour // 1000 - 60}.456"
    ]


def test_an_incident_has_a_row_for_each_of_its_services(running: RunningDaemon, database: Database) -> None:
    began = system_clock() - HOUR_MS
    about = {"started_at": began, "env": "production", "id": "an-incident-of-many", "name": "Nobody can pay"}
    running.send("failure", services=["cart", "checkout"], severity="SEV-1", **about)
    running.send("failure", services=["cart", "checkout"], severity="SEV-2", finished_at=began + 60_000, **about)
    running.send("failure", team="crew", started_at=began, env="production")
    columns = "service, name, severity, team, extract(epoch FROM finished_at - started_at)::int"
    assert database.sql(f"SELECT {columns} FROM dora.incidents ORDER BY service NULLS LAST") == [
        "cart|Nobody can pay|SEV-2||60",
        "checkout|Nobody can pay|SEV-2||60",
        "|||crew|",
    ]


def test_a_user_who_may_only_read_the_views_can(running: RunningDaemon, database: Database) -> None:
    """As the manual says to set up Grafana's user."""
    post(running, "one")
    database.cluster.create_role("grafana")
    database.sql("GRANT USAGE ON SCHEMA dora TO grafana; GRANT SELECT ON dora.deployments, dora.incidents TO grafana")
    assert database.sql("SET ROLE grafana; SELECT count(*) FROM dora.deployments") == ["1"]


@pytest.mark.parametrize("query", list(statements()), ids=lambda query: query.place)
def test_what_a_dashboard_asks_finds_data(running: RunningDaemon, database: Database, query: Query) -> None:
    team, began = CHOICES["team"], system_clock() - HOUR_MS
    post(running, "one", service=CHOICES["service"], team=team)
    incident = {"services": [CHOICES["service"]], "env": CHOICES["environment"], "team": team}
    running.send("failure", **incident, started_at=began, finished_at=began + 60_000)
    assert len(database.sql(query.expression)) == 1


def test_the_views_count_what_the_gauges_count(running: RunningDaemon, database: Database) -> None:
    lines = [
        json.dumps({"type": "deployment", "attributes": a_deployment(f"n-{n}", service=f"s-{n % 7}")})
        for n in range(500)
    ]
    assert running.request("POST", "/api/v1/events", "\n".join(lines).encode()).json()["created"] == 500
    for row in database.sql("SELECT service, count(*) FROM dora.deployments GROUP BY service"):
        service, number = row.split("|")
        found = running.sample("dora_deployments", service=service, environment="production", window="7d")
        assert found == int(number)
