"""Rows that say nothing any more are taken out, and nobody sees a difference."""

import asyncio
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.builders import DAY_MS, NOW_MS, deployment, incident
from tests.storage.postgresql.cluster import Database
from tests.storage.postgresql.logs import Replica, link, opened, replayed, same

from dora_exporter.dora.appearance_order import team_entry
from dora_exporter.dora.events import Commit, Shipped, Verdict
from dora_exporter.dora.records import Cursor, Deletion, Judgement, Record, Resolution
from dora_exporter.storage.postgresql import compaction
from dora_exporter.storage.postgresql.compaction import LeaseLost
from dora_exporter.storage.postgresql.statements import Fence
from dora_exporter.storage.retention import forget

pytestmark = pytest.mark.e2e

RETENTION_MS = 400 * DAY_MS
FENCE = Fence("leader", "me", 1)


def lead(database: Database) -> None:
    database.sql("INSERT INTO dora.lease VALUES ('leader', 'me', 1, clock_timestamp())")


async def compact(database: Database, replica: Replica, *, fence: Fence = FENCE, spared_seconds: float = 0) -> None:
    way = link(database)
    try:
        await compaction.compact(
            way,
            replica.store,
            fence=fence,
            applied=replica.log.position,
            now_ms=NOW_MS,
            retention_ms=RETENTION_MS,
            spared_seconds=spared_seconds,
        )
    finally:
        await way.close()


def kept(database: Database) -> list[str]:
    return database.sql("SELECT kind || ' ' || id FROM dora.log ORDER BY position")


async def test_of_each_event_and_cursor_one_row_is_left(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="dora_exporter.storage.postgresql.compaction")
    async with opened(database) as replica:
        lead(database)
        await replica.log.append([deployment(id="a"), incident(id="b"), deployment(id="gone")])
        await replica.log.append([Judgement("a", Verdict(change_failure=True)), Cursor("pd", {"n": 1})])
        await replica.log.append([incident(id="b", finished_at=NOW_MS), Deletion("deployment", "gone", NOW_MS)])
        await replica.log.append([Cursor("pd", {"n": 2}), incident(id="tomb", source="pd")])
        await replica.log.append([Deletion("incident", "tomb", NOW_MS, "pd"), Cursor("old", {}), Cursor("old")])
        await compact(database, replica)
        assert kept(database) == ["deployment a", "incident b", "cursor pd", "deletion tomb"]
        assert [each.partition(" seconds=")[0] for each in caplog.messages] == ["log compacted to=12 looked_at=6"]
        assert same(replica.store, await replayed(database))


async def test_what_retention_drops_leaves_the_log_and_every_replica(database: Database) -> None:
    old = NOW_MS - RETENTION_MS - 5 * DAY_MS
    async with opened(database) as replica, opened(database) as other:
        lead(database)
        await replica.log.append(
            [
                deployment(id="old", finished_at=old),
                deployment(id="recent"),
                deployment(id="last of another", service="quiet", finished_at=old),
                deployment(id="last but one", service="quiet", finished_at=old - 5 * DAY_MS),
                incident(id="open", started_at=old),
                incident(id="closed", started_at=old - 1, finished_at=old),
            ]
        )
        await forget(replica.store, replica.log, oldest_ms=NOW_MS - RETENTION_MS, now_ms=NOW_MS)
        await compact(database, replica)
        assert kept(database) == ["deployment recent", "deployment last of another", "incident open"]
        await other.log.catch_up()
        assert same(replica.store, other.store)


async def test_the_order_of_the_series_is_kept(database: Database) -> None:
    async with opened(database) as replica:
        lead(database)
        await replica.log.append([deployment(id="a", service="first"), deployment(id="b", service="second")])
        await replica.log.append([Deletion("deployment", "a", NOW_MS)])
        await compact(database, replica)
        await replica.log.append([deployment(id="c", service="third")])
    assert [each.service for each in (await replayed(database)).series_order] == ["first", "second", "third"]


async def test_the_order_of_the_teams_is_kept(database: Database) -> None:
    async with opened(database) as replica:
        lead(database)
        await replica.log.append([deployment(id="a", team="first"), deployment(id="b", team="second")])
        await replica.log.append([Deletion("deployment", "a", NOW_MS)])
        await compact(database, replica)
        await replica.log.append([incident(id="c", services=(), team="third")])
    assert list((await replayed(database)).series_order) == [
        ("checkout", "production"),
        *(team_entry(team, "production") for team in ("first", "second", "third")),
    ]


async def test_what_is_young_stays_as_it_is(database: Database) -> None:
    async with opened(database) as replica:
        lead(database)
        await replica.log.append([deployment(id="a"), deployment(id="a", version="2")])
        await compact(database, replica, spared_seconds=60)
        assert len(kept(database)) == 2


async def test_a_replica_that_compaction_overtook_reads_all_anew(database: Database) -> None:
    """It misses a deletion that nobody can read any more."""
    async with opened(database) as leader:
        lead(database)
        await leader.log.append([deployment(id="a"), deployment(id="b"), incident(id="c")])
        async with opened(database) as late:
            told: list[tuple[str | None, str | None]] = []
            late.store.observers.add(
                lambda changes: told.extend(
                    (before.id if before else None, after.id if after else None) for before, after in changes
                )
            )
            late.log.applied.position = 0  # as if it had been cut off since before the first record
            await leader.log.append([Deletion("deployment", "a", NOW_MS), deployment(id="b", version="2")])
            await compact(database, leader)
            await late.log.catch_up()
            assert same(late.store, leader.store)
            assert set(told) >= {("a", None), ("b", "b")}


async def test_a_replica_says_that_compaction_overtook_it(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    async with opened(database) as replica:
        lead(database)
        await replica.log.append([deployment(id="a"), deployment(id="a", version="2")])
        await compact(database, replica)
        replica.log.applied.position = 0
        await replica.log.catch_up()
    assert "reason=the log was compacted" in caplog.text
    assert "lost" not in caplog.text


async def test_a_former_leader_compacts_nothing(database: Database) -> None:
    async with opened(database) as replica:
        lead(database)
        await replica.log.append([deployment(id="a"), deployment(id="a", version="2")])
        with pytest.raises(LeaseLost):
            await compact(database, replica, fence=Fence("leader", "me", 0))
        assert len(kept(database)) == 2


async def test_writes_go_on_meanwhile(database: Database) -> None:
    async with opened(database) as replica:
        lead(database)
        for version in range(3):
            await replica.log.append([deployment(id=str(number), version=str(version)) for number in range(1200)])
        work = asyncio.ensure_future(compact(database, replica))
        for version in range(3, 6):
            await replica.log.append([deployment(id=str(number), version=str(version)) for number in range(0, 1200, 7)])
        await work
        assert same(replica.store, await replayed(database))
        # Of what was written meanwhile it compacts as much as was there when it looked.
        assert len(kept(database)) in [1200 + others * 172 for others in range(6)]


async def test_it_is_due_after_much_was_written_or_a_day(database: Database) -> None:
    async with opened(database) as replica:
        way = link(database)
        assert not await compaction.is_due(way)
        await replica.log.append([deployment()])
        assert not await compaction.is_due(way)
        database.sql("UPDATE dora.head SET compacted_at = compacted_at - interval '25 hours'")
        assert await compaction.is_due(way)
        database.sql(f"UPDATE dora.head SET compacted_at = now(), position = {compaction.GROWTH}")
        assert await compaction.is_due(way)
        await way.close()


IDS = st.sampled_from(["a", "b"])
SHAS = st.sampled_from(["a" * 40, "b" * 40])
REVISIONS = st.none() | st.integers(1, 3)
RECORDS = st.one_of(
    st.builds(lambda id_, sha: deployment(id=id_, commit_sha=sha, repository="host/path"), IDS, SHAS),
    st.builds(lambda id_, revision: deployment(id=id_, source="apm", revision=revision), IDS, REVISIONS),
    st.builds(
        lambda id_, old: deployment(id=id_, service=id_, finished_at=NOW_MS - old * 500 * DAY_MS), IDS, st.booleans()
    ),
    st.builds(lambda id_, revision: incident(id=id_, source="pd", revision=revision), IDS, REVISIONS),
    st.builds(
        lambda id_, failed: Judgement(id_, None if failed is None else Verdict(failed)), IDS, st.none() | st.booleans()
    ),
    st.builds(lambda id_, sha: Resolution(id_, Shipped("host/path", sha, (Commit(sha, NOW_MS),))), IDS, SHAS),
    st.builds(lambda id_: Deletion("deployment", id_, NOW_MS), IDS),
    st.builds(lambda id_: Deletion("deployment", id_, NOW_MS, "apm"), IDS),
    st.builds(lambda id_: Deletion("incident", id_, NOW_MS, "pd"), IDS),
    st.builds(lambda value: Cursor("pd", {"n": value} if value else None), st.integers(0, 2)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=st.lists(RECORDS, max_size=12), young=st.lists(RECORDS, max_size=8))
def test_what_is_left_and_what_follows_lead_to_the_same_state(
    database: Database, old: list[Record], young: list[Record]
) -> None:
    """Whatever is old or young, and told in whatever order."""

    async def live() -> None:
        database.sql("DROP SCHEMA IF EXISTS dora CASCADE")
        async with opened(database) as replica:
            lead(database)
            await replica.log.append(old)
            horizon = replica.log.position
            await replica.log.append(young)
            database.sql(f"UPDATE dora.log SET at = at - interval '1 hour' WHERE position <= {horizon}")
            await compact(database, replica, spared_seconds=1800)
            assert same(replica.store, await replayed(database))

    asyncio.run(live())
