"""Replicas that start at once, that start late, and that find what they cannot read."""

import http.client
import threading
from functools import partial
from importlib.resources import files
from pathlib import Path

import pytest
from tests.e2e.daemon import RunningDaemon
from tests.storage.postgresql.cluster import ROLE, Database
from tests.storage.postgresql.events import count, post
from tests.storage.postgresql.logs import link
from tests.storage.postgresql.replicas import Replicas, replica, replicas
from tests.storage.postgresql.waiting import until

from dora_exporter.storage.postgresql.schema import prepare

pytestmark = pytest.mark.e2e

AT_ONCE = 4
LOST = "dora_exporter_log_rows_lost_total"

ADD = """
WITH head AS (UPDATE dora.head SET position = position + 1 RETURNING position)
INSERT INTO dora.log (position, about, id, kind, body)
SELECT position, 'deployment', 'x', 'deployment', '{body}' FROM head
"""


def test_several_replicas_start_at_once_on_an_empty_database(folder: Path, database: Database) -> None:
    fleet = Replicas([replica(folder / f"{number}", database.url()) for number in range(AT_ONCE)], database)
    threads = [threading.Thread(target=each.start) for each in fleet]
    try:
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(fleet.alive()) == AT_ONCE
        for number, member in enumerate(fleet):
            assert post(member.running, f"number-{number}").status == http.client.OK
        fleet.wait_until_level()
        assert [count(each.running) for each in fleet] == [AT_ONCE] * AT_ONCE
        assert database.sql("SELECT count(*), max(version) FROM dora.meta") == ["1|2"]
        assert fleet.leader()
    finally:
        for member in fleet:
            member.kill()


def test_a_schema_of_the_version_before_attempts_is_migrated(folder: Path, database: Database) -> None:
    first = files("dora_exporter.storage.postgresql").joinpath("migrations", "001_log.sql")
    made = f"SET ROLE {ROLE}; CREATE SCHEMA dora; {first.read_text(encoding='utf-8')}; UPDATE dora.meta SET version = 1"
    database.sql(made)
    database.cluster.create_role("onlooker")
    database.sql("GRANT USAGE ON SCHEMA dora TO onlooker; GRANT SELECT ON dora.deployments TO onlooker")
    with replicas(folder, database, [database.url()]) as (only,):
        assert post(only.running, "one").status == http.client.OK
        assert database.sql("SELECT version FROM dora.meta") == ["2"]
        assert database.sql("SET ROLE onlooker; SELECT count(*) FROM dora.deployments") == ["1"]


async def test_a_server_of_exactly_the_oldest_version_is_taken(database: Database) -> None:
    (number,) = database.sql("SELECT current_setting('server_version_num')")
    way = link(database)
    await prepare(way, oldest_server=int(number))
    await way.close()
    assert database.sql("SELECT version FROM dora.meta") == ["2"]


def test_a_schema_that_an_administrator_made_is_taken(folder: Path, database: Database) -> None:
    """The user needs no right to make schemas then."""
    database.cluster.create_role("modest")
    database.sql("CREATE SCHEMA dora AUTHORIZATION modest")
    with replicas(folder, database, [database.as_user("modest").url()]) as (only,):
        assert post(only.running, "one").status == http.client.OK


@pytest.mark.parametrize(
    "body", ["{}", "7", '{"type": "deployment"}', '{"type": "wedding"}', '{"type":\n"deployment"}']
)
def test_a_row_that_cannot_be_read_is_left_out_and_counted(folder: Path, database: Database, body: str) -> None:
    with replicas(folder, database, [database.url()] * 2) as fleet:
        assert post(fleet[0].running, "before").status == http.client.OK
        database.sql(ADD.format(body=body))
        assert post(fleet[1].running, "after").status == http.client.OK
        fleet.wait_until_level()
        until(lambda: [each.number(LOST) for each in fleet] == [1, 1])
        fleet[0].restart()
        fleet.wait_until_level()
        for each in fleet:
            assert count(each.running) == 2
            assert each.number(LOST) == 1
            until(partial(has_said, each.running, "position=2"))
        assert fleet[0].exposition() == fleet[1].exposition()


def has_said(daemon: RunningDaemon, words: str) -> bool:
    """A log may be read later than an answer."""
    return words in daemon.process.text


def test_a_restart_changes_no_gauge(folder: Path, database: Database) -> None:
    with replicas(folder, database, [database.url()]) as (only,):
        for number in range(20):
            post(only.running, f"number-{number}", service=f"service-{number % 3}", team="crew")
        before = only.exposition()
        assert b"dora_team_deployments{" in before
        assert only.stop() == 0
        only.start()
        assert only.exposition() == before
