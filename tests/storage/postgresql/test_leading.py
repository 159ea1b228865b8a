"""One replica polls; another one goes on when it dies, is cut off or stands still, and nothing is missed or doubled."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from tests.storage.postgresql.cluster import Cluster, Database
from tests.storage.postgresql.pagerduty import Account, an_account
from tests.storage.postgresql.proxy import Proxy, proxy_to
from tests.storage.postgresql.replicas import Replica, Replicas, replicas
from tests.storage.postgresql.waiting import until

pytestmark = pytest.mark.e2e

FAIL_OVER_SECONDS = 15.0
REQUESTS = "dora_exporter_source_requests_total"


@pytest.fixture
def account() -> Iterator[Account]:
    with an_account() as started:
        yield started


@pytest.fixture
def proxies(postgresql: Cluster) -> Iterator[list[Proxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(proxy_to(postgresql.port)) for _ in range(3)]


@pytest.fixture
def fleet(folder: Path, database: Database, proxies: list[Proxy], account: Account) -> Iterator[Replicas]:
    urls = [database.url(port=each.port) for each in proxies]
    with replicas(folder, database, urls, account.settings) as started:
        yield started


def incidents(replica: Replica, family: str = "dora_incidents") -> float:
    """How many a replica counts."""
    labels = {"service": "pcheck", "environment": "production"} | ({"window": "7d"} if family != OPEN else {})
    return replica.number(family, **labels) or 0


OPEN = "dora_open_incidents"


def requests_of(replica: Replica) -> float:
    """How many requests a replica has made."""
    return sum(value for (name, _), value in replica.running.samples().items() if name == REQUESTS)


def all_count(members: list[Replica], number: int) -> bool:
    return [incidents(each) for each in members] == [number] * len(members)


def test_one_replica_polls_and_all_show_what_it_finds(fleet: Replicas, account: Account) -> None:
    leader = fleet.leader()
    for number in range(5):
        account.trigger()
        until(partial(all_count, fleet.members, number + 1))
    assert [requests_of(each) for each in fleet.followers()] == [0, 0]

    def has_made_all_requests() -> bool:
        before = account.requests()
        return before <= requests_of(leader) <= account.requests()

    assert account.requests() > 10
    until(has_made_all_requests)
    assert fleet[0].exposition() == fleet[1].exposition() == fleet[2].exposition()


def test_polling_goes_on_within_15_seconds_of_the_leaders_death_amid_a_pass(fleet: Replicas, account: Account) -> None:
    leader = fleet.leader()
    account.trigger()
    until(partial(all_count, fleet.members, 1))
    page = account.hold_next_page()
    account.trigger()
    page.wait_until_asked()
    leader.kill()
    asked = account.requests()
    account.trigger()
    until(lambda: account.requests() > asked, seconds=FAIL_OVER_SECONDS)
    page.let_go()

    others = [each for each in fleet if each is not leader]
    until(partial(all_count, others, 3))
    assert fleet.leader() in others
    leader.start()
    until(partial(all_count, fleet.members, 3))
    fleet.wait_until_level()
    assert fleet[0].exposition() == fleet[1].exposition() == fleet[2].exposition()
    assert fleet.database.sql("SELECT count(*), count(DISTINCT id) FROM dora.incidents") == ["3|3"]


def test_a_leader_that_stood_still_and_wakes_up_late_does_no_harm(fleet: Replicas, account: Account) -> None:
    """It stands still amid a pass, with a page on its way that is out of date when it reads it."""
    leader = fleet.leader()
    first = account.trigger()
    until(partial(all_count, fleet.members, 1))
    page = account.hold_next_page()
    account.trigger()
    page.wait_until_asked()
    leader.pause()
    others = [each for each in fleet if each is not leader]
    try:
        until(lambda: any(each.is_leader for each in others))
        account.do(lambda fake: fake.resolve(first))
        account.trigger()
        until(partial(all_count, others, 3))
        until(lambda: [incidents(each, OPEN) for each in others] == [2, 2])
        written = tokens_and_cursors(fleet.database)
    finally:
        leader.resume()
    page.let_go()
    until(lambda: leader.number("dora_exporter_leader") == 0)
    account.trigger()
    until(partial(all_count, fleet.members, 4))
    assert [incidents(each, OPEN) for each in fleet] == [3, 3, 3]
    assert not leader.is_leader
    assert tokens_and_cursors(fleet.database) >= written
    fleet.wait_until_level()
    assert fleet[0].exposition() == fleet[1].exposition() == fleet[2].exposition()


def tokens_and_cursors(database: Database) -> tuple[int, int]:
    """The lease's token, and the last position at which a cursor was written."""
    (line,) = database.sql(
        "SELECT (SELECT token FROM dora.lease), (SELECT max(position) FROM dora.log WHERE about = 'source')"
    )
    token, position = line.split("|")
    return int(token), int(position)


@pytest.mark.parametrize("how", ["frozen", "refused"])
def test_a_leader_that_is_cut_off_stops_before_another_one_begins(
    fleet: Replicas, proxies: list[Proxy], account: Account, how: str
) -> None:
    leader = fleet.leader()
    proxy = proxies[fleet.members.index(leader)]
    account.trigger()
    until(partial(all_count, fleet.members, 1))
    others = [each for each in fleet if each is not leader]
    if how == "frozen":
        proxy.freeze()
    else:
        proxy.refuse()
        proxy.cut()
    until(lambda: any(each.is_leader for each in others), seconds=FAIL_OVER_SECONDS)
    until(lambda: not leader.is_leader, seconds=1.5)
    asked = requests_of(leader)
    account.trigger()
    until(partial(all_count, others, 2))
    assert requests_of(leader) == asked
    proxy.thaw()
    proxy.accept()
    until(partial(all_count, fleet.members, 2))
    assert not leader.is_leader
    fleet.wait_until_level()
    assert fleet[0].exposition() == fleet[1].exposition() == fleet[2].exposition()


def test_a_polite_end_hands_over_at_once(fleet: Replicas, account: Account) -> None:
    leader = fleet.leader()
    assert leader.stop() == 0
    others = [each for each in fleet if each is not leader]
    until(lambda: any(each.is_leader for each in others), seconds=4)
    account.trigger()
    until(partial(all_count, others, 1))
