"""Whatever happens to replicas, the network and the database: what was acknowledged is at every replica, once."""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from tests.e2e.daemon import RunningDaemon, ask
from tests.storage.postgresql.clients import ENVIRONMENT, SERVICES, Crowd, Updates, crowd
from tests.storage.postgresql.cluster import Cluster, Database, Mode
from tests.storage.postgresql.pgbouncer import pgbouncer
from tests.storage.postgresql.proxy import Proxy, proxy_to
from tests.storage.postgresql.replicas import Replica, Replicas, replicas
from tests.storage.postgresql.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TROUBLES = int(os.environ.get("TROUBLES", "16"))
SEED = int(os.environ.get("SEED", "7"))
"""More of them, and in another order, find what is rare."""

CLIENTS = 4
BETWEEN_TROUBLES = 40
"""So much is acknowledged before the next trouble."""


class World:
    """Three replicas, each behind a proxy of its own, and what befalls them."""

    def __init__(self, fleet: Replicas, proxies: list[Proxy], cluster: Cluster, clients: Crowd) -> None:
        """Nothing has befallen them yet."""
        self.fleet = fleet
        self.proxies = proxies
        self.cluster = cluster
        self.crowd = clients
        self.dice = random.Random(SEED)

    def let_clients(self, *, acknowledged: int = 0, answers: int = 0) -> None:
        """Returns once the clients have got so much more."""
        wanted = self.crowd.acknowledged() + acknowledged, self.crowd.answers() + answers

        def have_it() -> bool:
            return self.crowd.acknowledged() >= wanted[0] and self.crowd.answers() >= wanted[1]

        until(have_it, seconds=90, otherwise=lambda: [each.running.process.text[-3000:] for each in self.fleet])

    def kill(self) -> None:
        """A replica dies, and comes back later."""
        victim: Replica = self.dice.choice(self.fleet.members)
        victim.kill()
        self.let_clients(acknowledged=10)
        victim.start()

    def restart_database(self) -> None:
        """The database ends politely or not, and is away until clients have noticed."""
        modes: tuple[Mode, ...] = ("fast", "immediate")
        self.cluster.stop(self.dice.choice(modes))
        self.let_clients(answers=20)
        self.cluster.start()

    def cut(self) -> None:
        """A replica loses its connections."""
        self.dice.choice(self.proxies).cut()

    def cut_within_a_message(self) -> None:
        """A replica loses its connections at any moment of what it says."""
        self.dice.choice(self.proxies).cut_after(self.dice.randrange(5000))

    def freeze(self) -> None:
        """A replica hears nothing and is not heard; what it said may arrive later."""
        proxy = self.dice.choice(self.proxies)
        proxy.freeze()
        self.let_clients(answers=self.dice.randrange(1, 40))
        proxy.thaw()

    def refuse(self) -> None:
        """A replica is cut off, and cannot come back for a while."""
        proxy = self.dice.choice(self.proxies)
        proxy.refuse()
        proxy.cut()
        self.let_clients(answers=20)
        proxy.accept()

    def slow_down(self) -> None:
        """A replica is far away from the database."""
        proxy = self.dice.choice(self.proxies)
        proxy.delay(0.05)
        self.let_clients(acknowledged=20)
        proxy.delay(0)


TROUBLE: tuple[Callable[[World], None], ...] = (
    World.kill,
    World.restart_database,
    World.cut,
    World.cut_within_a_message,
    World.freeze,
    World.refuse,
    World.slow_down,
)


@pytest.fixture
def proxies(postgresql: Cluster) -> Iterator[list[Proxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(proxy_to(postgresql.port)) for _ in range(3)]


@pytest.fixture
def fleet(folder: Path, database: Database, proxies: list[Proxy]) -> Iterator[Replicas]:
    with replicas(folder, database, [database.url(port=each.port) for each in proxies]) as started:
        yield started


def test_what_was_acknowledged_is_at_every_replica_exactly_once(
    fleet: Replicas, proxies: list[Proxy], postgresql: Cluster
) -> None:
    with crowd(CLIENTS, fleet.alive) as clients:
        world = World(fleet, proxies, postgresql, clients)
        troubles = [*TROUBLE, *(world.dice.choice(TROUBLE) for _ in range(TROUBLES))][: max(TROUBLES, len(TROUBLE))]
        for befall in troubles:
            befall(world)
            world.let_clients(acknowledged=BETWEEN_TROUBLES)
        updates = clients.stop()
    for each in proxies:
        each.cut_after(1 << 60)

    fleet.wait_until_level(seconds=60)
    assert updates.acknowledged > len(troubles) * BETWEEN_TROUBLES
    for replica in fleet:
        assert broken_promises(replica.running, updates) == []
    assert_equal_and_complete(fleet, updates)
    assert [each.number("dora_exporter_log_rows_lost_total") for each in fleet] == [0, 0, 0]

    for replica in fleet:
        replica.restart()
    fleet.wait_until_level()
    assert_equal_and_complete(fleet, updates)


def test_the_same_through_a_pooling_proxy(folder: Path, database: Database, postgresql: Cluster) -> None:
    """Each transaction goes over whichever of two connections is free."""
    with pgbouncer(postgresql) as port, replicas(folder, database, [database.url(port=port)] * 2) as fleet:
        with crowd(CLIENTS, fleet.alive) as clients:
            until(lambda: clients.acknowledged() > 200)
            fleet.leader().restart()
            until(lambda: clients.acknowledged() > 400, seconds=60)
            updates = clients.stop()
        fleet.wait_until_level()
        assert broken_promises(fleet[0].running, updates) == []
        assert_equal_and_complete(fleet, updates)


def broken_promises(daemon: RunningDaemon, updates: Updates) -> list[tuple[str, object]]:
    """What a replica holds otherwise than was acknowledged."""
    broken: list[tuple[str, object]] = []
    with closing(daemon.connect()) as connection:
        for event_id, known in updates.held.items():
            answer = ask(connection, "GET", f"/api/v2/dora/deployments/{event_id}")
            told = answer.json()["data"]["attributes"] if answer.status == 200 else {}
            is_kept = (told.get("service"), told.get("version")) == (known.service, known.version)
            if not is_kept or bool(told.get("change_failure")) is not known.has_failed:
                broken.append((event_id, (known, answer)))
        for event_id in updates.deleted:
            answer = ask(connection, "GET", f"/api/v2/dora/deployments/{event_id}")
            if answer.status != 404:
                broken.append((event_id, answer))
    return broken


def assert_equal_and_complete(fleet: Replicas, updates: Updates) -> None:
    """All expositions are the same bytes, and count each event once."""
    first, *others = [replica.exposition() for replica in fleet]
    for other in others:
        assert other == first
    for service in SERVICES:
        held = [known for known in updates.held.values() if known.service == service]
        failed = [known for known in held if known.has_failed]
        labels = {"service": service, "environment": ENVIRONMENT, "window": "7d"}
        assert fleet[0].number("dora_deployments", **labels) == len(held)
        assert fleet[0].number("dora_failed_deployments", **labels) == len(failed)
