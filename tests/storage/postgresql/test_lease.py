"""Who leads, and that nobody goes on as a leader who was none in between."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain, count, repeat

import pytest
from tests.storage.postgresql.cluster import Database
from tests.storage.postgresql.logs import link, opened

from dora_exporter.storage.postgresql.connection import Link
from dora_exporter.storage.postgresql.lease import LEASE_SECONDS, NAME, Lease
from dora_exporter.storage.postgresql.statements import Fence

pytestmark = pytest.mark.e2e


@dataclass
class Candidate:
    """A lease and what it was told, on a watch that a test turns."""

    lease: Lease
    told: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def gained(self) -> None:
        self.told.append("gained")
        self.changed.set()

    async def lost(self) -> None:
        self.told.append("lost")
        self.changed.set()

    async def until(self, told: list[str]) -> None:
        """Returns once it was told so."""
        async with asyncio.timeout(15):
            while self.told != told:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def candidate(database: Database, name: str) -> AsyncIterator[Candidate]:
    standing = Candidate(Lease(link(database), name))
    standing.lease.start(gained=standing.gained, lost=standing.lost)
    try:
        yield standing
    finally:
        await standing.lease.close()


async def test_nobody_leads_who_was_not_told_so(database: Database) -> None:
    async with opened(database):
        lease = Lease(link(database), "one")
        assert (lease.is_held, lease.fence) == (False, None)
        await lease.try_once()
        assert lease.held_token == 1
        assert (lease.is_held, lease.fence) == (False, None)
        await lease.close()


async def test_one_leads_and_another_after_it(database: Database) -> None:
    async with opened(database), candidate(database, "one") as one:
        await one.until(["gained"])
        async with candidate(database, "other") as other:
            await asyncio.wait_for(one.lease.close(), LEASE_SECONDS)
            await other.until(["gained"])
            assert one.lease.fence is None
            assert other.lease.fence is not None
            assert other.lease.fence.token == 2


async def test_who_lost_it_to_another_is_told_so(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="dora_exporter.storage.postgresql.lease")
    async with opened(database), candidate(database, "one") as one:
        await one.until(["gained"])
        database.sql("UPDATE dora.lease SET holder = 'other', token = token + 1, until = 'infinity'")
        await one.until(["gained", "lost"])
        assert one.lease.fence is None
    assert caplog.messages == ["became leader", "lost leadership"]


async def test_who_lost_it_and_has_it_again_is_told_both(database: Database) -> None:
    """What began under the first token must not write under the second."""
    async with opened(database), candidate(database, "one") as one:
        await one.until(["gained"])
        before = one.lease.fence
        database.sql("UPDATE dora.lease SET token = token + 1")  # another had it, between two renewals
        await one.until(["gained", "lost", "gained"])
        assert before is not None
        assert one.lease.fence is not None
        assert one.lease.fence.token == before.token + 1


async def test_of_a_lease_that_ran_out_before_anybody_was_told_nobody_is_told(database: Database) -> None:
    """It is asked for and got by the watch's first two readings, and by the third has run out."""
    readings = chain([0.0, 0.0], repeat(float(LEASE_SECONDS)))
    async with opened(database):
        lease = Lease(link(database), "one", stopwatch=lambda: next(readings))
        fences: list[Fence | None] = []
        told = asyncio.Event()

        async def changed() -> None:
            fences.append(lease.fence)
            told.set()

        lease.start(gained=changed, lost=changed)
        await asyncio.wait_for(told.wait(), 15)
        await lease.close()
        assert fences == [Fence(NAME, "one", 1)]


async def test_a_leader_renews_at_intervals_and_leaves_the_database_alone_between_them(database: Database) -> None:
    readings = count()

    def watch() -> float:
        next(readings)
        return 0.0

    async with opened(database) as replica:
        lease = Lease(link(database), "one", stopwatch=watch)
        told = asyncio.Event()

        async def gained() -> None:
            told.set()

        lease.start(gained=gained, lost=gained)
        await asyncio.wait_for(told.wait(), 15)
        for _ in range(400):
            await replica.log.catch_up()
        await lease.close()
    assert next(readings) < 100


async def test_a_request_for_the_lease_that_fails_is_told_to_who_looks_closely(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    lease = Lease(link(database), "one")
    with caplog.at_level(logging.DEBUG, logger="dora_exporter.storage.postgresql.lease"):
        await lease.try_once()  # the database has no table yet
    await lease.close()
    assert caplog.messages == ["cannot request the lease reason=the exporter's tables do not exist"]


async def test_a_request_that_meets_a_defect_is_told_as_one_and_the_lease_is_asked_for_again(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    addresses = iter([database.url()])

    def address() -> str:
        if not caplog.messages:
            raise RuntimeError("a defect")
        return next(addresses)

    async with opened(database):
        lease = Lease(Link(address, name="test"), "one")
        await lease.try_once()
        assert caplog.messages == ["lease request failed"]
        assert lease.held_token is None
        await lease.try_once()
        assert lease.held_token == 1
        await lease.close()


async def test_a_lease_that_cannot_be_given_back_is_told_of(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="dora_exporter.storage.postgresql.lease")
    async with opened(database):
        lease = Lease(link(database), "one")
        await lease.try_once()
    database.sql("DROP SCHEMA dora CASCADE")
    await lease.close()
    assert caplog.messages == ["cannot release the lease reason=the exporter's tables do not exist"]


async def test_what_could_not_be_taken_over_is_tried_again(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    tries = 0
    taken = asyncio.Event()

    async def gained() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError
        taken.set()

    async with opened(database):
        lease = Lease(link(database), "one")
        lease.start(gained=gained, lost=gained)
        await asyncio.wait_for(taken.wait(), 15)
        assert lease.is_held
        await lease.close()
    assert caplog.messages == ["leadership change failed"]
