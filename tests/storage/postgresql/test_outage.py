"""The database goes away and comes back: writers are told why, scrapes go on, and all heals by itself."""

import asyncio
import http.client
import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
from tests.builders import deployment
from tests.storage.postgresql import logs as raw
from tests.storage.postgresql.cluster import Cluster, Database, Mode
from tests.storage.postgresql.events import count, post
from tests.storage.postgresql.logs import opened, same
from tests.storage.postgresql.proxy import Proxy
from tests.storage.postgresql.replicas import Replica, Replicas, replicas
from tests.storage.postgresql.waiting import until

from dora_exporter.dora.event_log import Unavailable
from dora_exporter.dora.records import Record
from dora_exporter.runtime.clock import system_clock

pytestmark = pytest.mark.e2e

UP = "dora_exporter_log_up"
SINCE = "dora_exporter_log_unavailable_since_timestamp_seconds"
RESTARTS = 12


@pytest.fixture
def pair(folder: Path, database: Database, proxy: Proxy) -> Iterator[Replicas]:
    """The first one has its way through the proxy."""
    with replicas(folder, database, [database.url(port=proxy.port), database.url()]) as started:
        assert post(started[0].running, "before").status == http.client.OK
        started.wait_until_level()
        yield started


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_without_the_database_writes_are_refused_and_scrapes_answered_until_it_is_back(
    pair: Replicas, postgresql: Cluster, mode: Mode
) -> None:
    before_ms = system_clock()
    postgresql.stop(mode)
    try:
        for replica in pair:
            answer = post(replica.running, "refused")
            assert answer.status == http.client.SERVICE_UNAVAILABLE
            assert "database" in answer.json()["errors"][0]["detail"]
            assert "a-password" not in answer.body.decode()
            assert replica.running.get("/-/healthy").status == http.client.OK
            assert count(replica.running) == 1
            until(partial(has, replica, UP, 0.0))
            assert (replica.number(SINCE) or 0) * 1000 >= before_ms - 1000
            path = "/api/v2/dora/deployments/a-deployment-named-before"
            assert replica.running.get(path).status == http.client.OK
            body = json.dumps({"data": {"attributes": {"change_failure": True}}}).encode()
            assert replica.running.request("PATCH", path, body).status == http.client.SERVICE_UNAVAILABLE
    finally:
        postgresql.start()
    for replica in pair:
        until(partial(takes, replica, "after"))
        until(partial(has, replica, UP, 1.0))
        assert replica.number(SINCE) is None
        assert replica.running.process.text.count("database unavailable") == 1
    pair.wait_until_level()
    assert pair[0].exposition() == pair[1].exposition()


def test_a_frozen_way_to_the_database_refuses_in_time_and_heals(pair: Replicas, proxy: Proxy) -> None:
    """Nothing is closed and nothing comes: only time tells."""
    proxy.freeze()
    assert post(pair[0].running, "frozen").status == http.client.SERVICE_UNAVAILABLE
    assert post(pair[1].running, "meanwhile").status == http.client.OK
    assert count(pair[0].running) == 1
    until(partial(has, pair[0], UP, 0.0))
    proxy.thaw()
    until(partial(takes, pair[0], "frozen"))
    pair.wait_until_level()
    assert count(pair[0].running) == count(pair[1].running) == 3


def test_a_replica_that_is_cut_off_does_not_deny_what_another_holds(pair: Replicas, proxy: Proxy) -> None:
    proxy.refuse()
    proxy.cut()
    assert post(pair[1].running, "elsewhere").status == http.client.OK
    path = "/api/v2/dora/deployments/a-deployment-named-elsewhere"
    attributes = {"change_failure": True}
    data = {"id": "a-deployment-named-elsewhere", "type": "dora_deployment_patch_request", "attributes": attributes}
    body = json.dumps({"data": data}).encode()
    assert pair[0].running.request("PATCH", path, body).status == http.client.SERVICE_UNAVAILABLE
    assert pair[0].running.request("DELETE", path).status == http.client.SERVICE_UNAVAILABLE
    proxy.accept()
    until(lambda: pair[0].running.request("PATCH", path, body).status == http.client.ACCEPTED)


def test_it_stops_in_time_while_the_database_is_away(pair: Replicas, postgresql: Cluster) -> None:
    postgresql.stop()
    try:
        assert [each.stop() for each in pair] == [0, 0]
    finally:
        postgresql.start()


def test_each_replica_has_few_connections(pair: Replicas, database: Database) -> None:
    for number in range(50):
        post(pair[0].running, f"many-{number}")
    text = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database.name}' AND usename = '{database.user}'"
    assert int(database.sql(text)[0]) <= 10


def test_nobody_stays_in_a_transaction(pair: Replicas, database: Database) -> None:
    """An open transaction would keep the server from cleaning up."""
    old = "state LIKE 'idle in%' AND clock_timestamp() - state_change > interval '1 second'"
    text = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database.name}' AND {old}"
    assert post(pair[0].running, "one").status == http.client.OK
    assert database.sql(text) == ["0"]


async def test_a_restart_of_the_database_at_any_moment_ends_nobodys_following(
    postgresql: Cluster, database: Database
) -> None:
    """The server's farewell comes in the middle of whatever is being said."""
    async with AsyncExitStack() as stack:
        logs = [await stack.enter_async_context(opened(database)) for _ in range(3)]
        writers = [asyncio.create_task(write(log, f"{n}-{m}")) for n, log in enumerate(logs) for m in range(3)]
        for number in range(RESTARTS):
            await asyncio.to_thread(postgresql.restart)
            last = [deployment(id=f"after-restart-{number}")]
            for log in logs:
                await asyncio.wait_for(taken(log, last), 30)
        for each in writers:
            each.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
        for log in logs + logs:  # first each commits what its ended writers left in its queue, then each reads it all
            await log.log.catch_up()
        assert all(same(log.store, logs[0].store) for log in logs)


def takes(replica: Replica, name: str) -> bool:
    return post(replica.running, name).status == http.client.OK


def has(replica: Replica, family: str, value: float) -> bool:
    return replica.number(family) == value


async def write(log: raw.Replica, name: str) -> None:
    for number in itertools.count():
        await taken(log, [deployment(id=f"{name}-{number}")])


async def taken(log: raw.Replica, records: Sequence[Record]) -> None:
    """Tries until it is acknowledged."""
    while True:
        try:
            await log.log.append(records)
        except Unavailable:
            await asyncio.sleep(0.01)
        else:
            return


def test_a_database_that_lost_its_last_rows_is_followed_from_where_it_stands(
    pair: Replicas, database: Database, proxy: Proxy
) -> None:
    """As after a fail-over to a standby that was not up to date."""
    for number in range(5):
        assert post(pair[1].running, f"lost-{number}").status == http.client.OK
    pair.wait_until_level()
    database.sql("DELETE FROM dora.log WHERE position > 3; UPDATE dora.head SET position = 3")
    proxy.cut()
    until(lambda: pair.positions() == [3, 3])
    until(partial(takes, pair[0], "after"))
    pair.wait_until_level()
    assert count(pair[0].running) == count(pair[1].running) == 4
    assert pair[0].exposition() == pair[1].exposition()
