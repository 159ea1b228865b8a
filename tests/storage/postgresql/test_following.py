"""What one replica acknowledged the others show, soon and without leaving anything out."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from tests.e2e.daemon import Answer, RunningDaemon
from tests.storage.postgresql.cluster import Cluster, Database
from tests.storage.postgresql.events import a_deployment, count, post
from tests.storage.postgresql.proxy import Proxy, proxy_to
from tests.storage.postgresql.replicas import Replicas, replicas
from tests.storage.postgresql.waiting import timed, until

pytestmark = pytest.mark.e2e

SEEN_SECONDS = 0.5
SENT = 150
TOGETHER = 25
TYPE = "dora_deployment_patch_request"


@pytest.fixture
def pair(folder: Path, database: Database) -> Iterator[Replicas]:
    with replicas(folder, database, [database.url()] * 2) as started:
        yield started


@pytest.fixture
def second_way(postgresql: Cluster) -> Iterator[Proxy]:
    with proxy_to(postgresql.port) as started:
        yield started


def at_once(*requests: tuple[RunningDaemon, str, bytes]) -> list[Answer]:
    """The answers to requests that are sent in the same moment."""
    answers: dict[int, Answer] = {}
    gate = threading.Barrier(len(requests))

    def send(index: int, daemon: RunningDaemon, path: str, body: bytes) -> None:
        gate.wait()
        answers[index] = daemon.request("POST", path, body)

    threads = [threading.Thread(target=send, args=(index, *each)) for index, each in enumerate(requests)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return [answers[index] for index in range(len(requests))]


@contextmanager
def stopped_after(proxy: Proxy, stop: int, slow: RunningDaemon) -> Iterator[None]:
    """Lets a replica's network stop while it is sent an event, which it has taken in the end."""
    name = f"slow-{stop}"
    proxy.freeze_after(stop)
    sender = threading.Thread(target=post, args=(slow, name))
    sender.start()
    until(lambda: proxy.is_frozen or not sender.is_alive())
    yield
    proxy.thaw()
    sender.join()
    until(lambda: post(slow, name).status == http.client.OK)


def all_count(daemons: list[RunningDaemon], number: int) -> bool:
    return all(count(each) == number for each in daemons)


def test_an_acknowledged_event_is_in_the_others_gauges_within_half_a_second(folder: Path, database: Database) -> None:
    with replicas(folder, database, [database.url()] * 3) as fleet:
        seconds: list[float] = []
        for number in range(SENT):
            taker = fleet[number % 3].running
            assert post(taker, f"number-{number}").status == http.client.OK
            others = [each.running for each in fleet if each.running is not taker]
            _, waited = timed(partial(all_count, others, number + 1))
            seconds.append(waited)
    assert sorted(seconds)[SENT * 99 // 100 - 1] < SEEN_SECONDS


def test_one_event_at_two_replicas_at_once_is_one_event_with_one_outcome(pair: Replicas) -> None:
    for number in range(TOGETHER):
        line = json.dumps({"type": "deployment", "attributes": a_deployment(f"same-{number}")}).encode()
        answers = at_once(*((each.running, "/api/v1/events", line) for each in pair))
        told = [answer.json() for answer in answers]
        assert sorted((each["created"], each["updated"], each["unchanged"]) for each in told) == [(0, 0, 1), (1, 0, 0)]
    pair.wait_until_level()
    assert [count(each.running) for each in pair] == [TOGETHER, TOGETHER]


def test_two_versions_of_an_event_at_once_are_one_event_and_the_later_one_stays(pair: Replicas) -> None:
    for number in range(TOGETHER):
        lines = [
            json.dumps({"type": "deployment", "attributes": a_deployment(f"two-{number}", version=version)}).encode()
            for version in ("1", "2")
        ]
        answers = at_once(*((each.running, "/api/v1/events", line) for each, line in zip(pair, lines, strict=True)))
        told = [answer.json() for answer in answers]
        assert sorted((each["created"], each["updated"]) for each in told) == [(0, 1), (1, 0)]
        path = f"/api/v2/dora/deployments/a-deployment-named-two-{number}"
        versions = [each.running.get(path).json()["data"]["attributes"]["version"] for each in pair]
        assert versions == ["2" if told[1]["updated"] else "1"] * 2
    assert pair[0].exposition() == pair[1].exposition()


def test_a_replica_knows_what_another_acknowledged_a_moment_ago(pair: Replicas) -> None:
    first, second = (each.running for each in pair)
    for number in range(TOGETHER):
        assert post(first, f"known-{number}").status == http.client.OK
        path = f"/api/v2/dora/deployments/a-deployment-named-known-{number}"
        assert second.get(path).status == http.client.OK
        judged = {"data": {"id": path.rpartition("/")[2], "type": TYPE, "attributes": {"change_failure": True}}}
        assert second.request("PATCH", path, json.dumps(judged).encode()).status == http.client.ACCEPTED
        assert first.get(path).json()["data"]["attributes"]["change_failure"] is True
        assert second.request("DELETE", path.replace("deployments", "deployment")).status == http.client.ACCEPTED
        assert first.get(path).status == http.client.NOT_FOUND


def test_a_transaction_that_stands_still_hides_nothing_wherever_it_stopped(
    folder: Path, database: Database, proxy: Proxy, second_way: Proxy
) -> None:
    """One replica's network stops after ever so many more bytes, while the other one goes on writing."""
    urls = [database.url(port=each.port) for each in (proxy, second_way)]
    with replicas(folder, database, urls) as fleet:
        slow, quick = (each.running for each in fleet)
        stops = range(100, 1700, 200)
        for stop in stops:
            with stopped_after(proxy, stop, slow):
                for number in range(3):
                    assert post(quick, f"quick-{stop}-{number}").status == http.client.OK
        fleet.wait_until_level()
        assert count(slow) == count(quick) == 4 * len(stops)
        assert fleet[0].exposition() == fleet[1].exposition()


def test_a_long_transaction_of_somebody_else_holds_nothing_up(database: Database, pair: Replicas) -> None:
    """It has a number older than all that follow: a cut at the oldest running transaction would stay behind it."""

    async def hold_open_and_write() -> None:
        connection = await asyncpg.connect(database.url())
        try:
            await connection.execute("BEGIN; SELECT pg_current_xact_id()")
            answer = await asyncio.to_thread(post, pair[0].running, "meanwhile")
            assert answer.status == http.client.OK
            await asyncio.to_thread(until, lambda: count(pair[1].running) == 1)
        finally:
            connection.terminate()

    asyncio.run(hold_open_and_write())


def test_a_replica_is_ready_when_it_has_caught_up_and_says_how_far_behind_it_is(
    folder: Path, database: Database, proxy: Proxy
) -> None:
    with replicas(folder, database, [database.url(), database.url(port=proxy.port)]) as fleet:
        for number in range(20):
            post(fleet[0].running, f"early-{number}")
        fleet[1].kill()
        for number in range(20):
            post(fleet[0].running, f"late-{number}")
        follower = fleet[1].start()
        assert count(follower) == 40
        assert fleet[1].number("dora_exporter_log_behind_records") == 0
        assert fleet[1].number("dora_exporter_log_position") == fleet.head() == 40


def test_a_replica_that_was_away_for_long_comes_to_know_everything(
    folder: Path, database: Database, proxy: Proxy
) -> None:
    with replicas(folder, database, [database.url(), database.url(port=proxy.port)]) as fleet:
        proxy.refuse()
        proxy.cut()
        lines = "\n".join(
            json.dumps({"type": "deployment", "attributes": a_deployment(f"many-{number}")}) for number in range(12_000)
        )
        assert fleet[0].running.request("POST", "/api/v1/events", lines.encode()).json()["created"] == 12_000
        assert count(fleet[1].running) == 0
        proxy.accept()
        fleet.wait_until_level()
        assert count(fleet[1].running) == 12_000
        assert fleet[0].exposition() == fleet[1].exposition()
