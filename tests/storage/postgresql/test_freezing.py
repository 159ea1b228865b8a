"""A leader that stands still at the worst moment: the server hears nothing more of it, and nobody waits for it long.

Its machine is moved or out of memory, and its connection stays. What it has locked by then, another leader needs.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.builders import NOW_MS, deployment
from tests.storage.postgresql.cluster import Database
from tests.storage.postgresql.logs import Replica, link, opened
from tests.storage.postgresql.proxy import Proxy

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Unavailable
from dora_exporter.storage.postgresql import compaction
from dora_exporter.storage.postgresql.lease import Lease
from dora_exporter.storage.postgresql.statements import Fence

pytestmark = pytest.mark.e2e

FENCE = Fence("leader", "frozen", 1)
SECONDS = 20
"""The server ends a transaction that stands still after five; the machine may stand still for some, too."""

LAST_WORDS = {
    "a new event is asked about": b"INSERT INTO dora.log",
    "a new event is sent": b'"type":"deployment"',
    "the beginning of a compaction is asked about": b"INSERT INTO dora.series",
    "the beginning of a compaction is sent": b"production",
    "rows to fold are asked about": b"DELETE FROM dora.log",
    "rows to fold are sent": b"folded",
    "the end of a compaction is asked about": b"SET compacted_at",
}


@asynccontextmanager
async def frozen_amid(work: str, leader: Replica, database: Database, proxy: Proxy) -> AsyncIterator[None]:
    """It is at work until it says something, and is not heard of again before the end."""
    proxy.freeze_when_said(LAST_WORDS[work])
    doing = asyncio.ensure_future(append(leader) if "event" in work else compact(leader, database, proxy))
    try:
        async with asyncio.timeout(SECONDS):
            while not proxy.is_frozen:
                assert not doing.done(), f"nobody said {LAST_WORDS[work]!r}: {doing}"
                await asyncio.sleep(0.01)
        yield
    finally:
        proxy.cut()
        proxy.thaw()
        await asyncio.gather(doing, return_exceptions=True)


async def append(leader: Replica) -> None:
    await leader.log.append([deployment(id="new")], fence=FENCE)


async def compact(leader: Replica, database: Database, proxy: Proxy) -> None:
    await compaction.compact(
        link(database, port=proxy.port),
        leader.store,
        fence=FENCE,
        applied=leader.log.position,
        now_ms=NOW_MS,
        retention_ms=NOW_MS,
        spared_seconds=0,
    )


@pytest.mark.parametrize("work", LAST_WORDS)
async def test_another_one_leads_and_writes_soon_after_a_leader_froze(
    database: Database, proxy: Proxy, work: str
) -> None:
    async with opened(database) as other, opened(database, port=proxy.port) as leader:
        await leader.log.append([deployment(id="folded"), deployment(id="folded", version="2")])
        database.sql("INSERT INTO dora.lease VALUES ('leader', 'frozen', 1, clock_timestamp())")
        await other.log.catch_up()
        lease = Lease(link(database), "other")
        try:
            async with frozen_amid(work, leader, database, proxy), asyncio.timeout(SECONDS):
                while lease.held_token is None:
                    await lease.try_once()
                assert await other.log.append([deployment(id="late")]) == [Outcome.CREATED]
        finally:
            await lease.close()


async def test_a_log_that_has_to_end_soon_refuses_what_waits_for_a_frozen_database_and_what_comes(
    database: Database, proxy: Proxy
) -> None:
    async with opened(database, port=proxy.port) as replica:
        proxy.freeze()
        waiting = replica.log.append([deployment(id="waiting")])
        replica.log.hurry()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(waiting, SECONDS)
        with pytest.raises(Unavailable):
            await asyncio.wait_for(replica.log.append([deployment(id="late")]), SECONDS)
        proxy.thaw()
