"""The log in a database: what every replica sees of it."""

import asyncio
import hashlib

import pytest
from tests.builders import NOW_MS, ManualClock, deployment, incident
from tests.storage.postgresql.cluster import Database
from tests.storage.postgresql.logs import Replica, link, opened, replayed, same, uncommitted
from tests.storage.postgresql.waiting import until

from dora_exporter.dora.changes import Outcome
from dora_exporter.dora.event_log import Unavailable
from dora_exporter.dora.events import Remediation, Verdict
from dora_exporter.dora.records import Batch, Cursor, Deletion, Judgement, Record, SeriesOrder
from dora_exporter.storage.postgresql import statements
from dora_exporter.storage.postgresql.connection import Link
from dora_exporter.storage.postgresql.log import PostgresLog
from dora_exporter.storage.postgresql.rows import entries
from dora_exporter.storage.postgresql.statements import Fence

pytestmark = pytest.mark.e2e


async def test_what_one_replica_was_sent_another_holds(database: Database) -> None:
    async with opened(database) as one, opened(database) as other:
        assert await one.log.append([deployment(id="a"), incident(id="b")]) == [Outcome.CREATED] * 2
        await other.log.catch_up()
        assert same(one.store, other.store)
        assert list(other.store.deployments) == ["a"]
        assert (len(one.own), len(one.others)) == (2, 0)
        assert (len(other.own), len(other.others)) == (0, 2)


async def test_when_and_how_fast_a_replica_wrote_last_is_known(database: Database) -> None:
    async with opened(database) as one, opened(database) as other:
        await one.log.append([deployment()])
        await other.log.catch_up()
        wrote, only_read = one.log.statistics(), other.log.statistics()
    assert wrote.last_write_ms == NOW_MS
    assert (wrote.last_commit_seconds or 0) > 0
    assert (only_read.last_write_ms, only_read.last_commit_seconds) == (None, None)


async def test_one_event_at_two_replicas_at_once_is_created_once(database: Database) -> None:
    async with opened(database) as one, opened(database) as other:
        outcomes = await asyncio.gather(*(each.log.append([deployment(id="a")]) for each in (one, other)))
        assert sorted(each.value for outcome in outcomes for each in outcome) == ["created", "unchanged"]


async def test_replicas_that_write_at_once_reach_one_state(database: Database) -> None:
    """The last verdict is the one with the last position, whoever sent it first."""
    async with opened(database) as one, opened(database) as two, opened(database) as three:
        replicas = [one, two, three]
        await one.log.append([deployment(id=str(number)) for number in range(20)])
        await asyncio.gather(
            *(
                replica.log.append([Judgement(str(number), Verdict(change_failure=place % 2 == 0))])
                for number in range(20)
                for place, replica in enumerate(replicas)
            )
        )
        await asyncio.gather(*(each.log.catch_up() for each in replicas))
        assert same(one.store, two.store)
        assert same(one.store, three.store)
    assert same(one.store, await replayed(database))


async def test_a_transaction_held_open_hides_nothing(database: Database) -> None:
    """Who appends later waits for its position, so nobody reads past a row that is committed late."""
    async with opened(database) as reader, opened(database) as writer:
        slow = link(database)
        async with slow.transaction() as connection:
            rows = [each.row for each in entries([deployment(id="slow")])]
            base = await statements.append(connection, rows, nonce=1)
            quick = asyncio.ensure_future(writer.log.append([deployment(id="quick")]))
            await reader.log.catch_up()
            assert not quick.done()
            assert reader.log.position == base
        await quick
        await reader.log.catch_up()
        assert list(reader.store.deployments) == ["slow", "quick"]
        await slow.close()


async def test_a_frozen_writer_holds_up_the_others_for_some_seconds_only(database: Database) -> None:
    async with opened(database) as writer, uncommitted(database, deployment(id="frozen"), idle_seconds=1):
        await writer.log.append([deployment(id="quick")])
        assert list(writer.store.deployments) == ["quick"]


async def test_a_replica_that_is_more_than_one_read_behind_comes_to_know_everything(database: Database) -> None:
    """A read takes twenty pages of five hundred rows, and then looks again where the log ends."""
    count = statements.PAGE_ROWS * 21 + 1
    async with opened(database) as one:
        for start in range(0, count, 2_000):
            await one.log.append([deployment(id=str(each)) for each in range(start, min(count, start + 2_000))])
        async with opened(database) as late:
            late.store.clear()
            late.log.applied.position = 0
            await late.log.catch_up()
            assert len(late.store.deployments) == count
            assert same(one.store, late.store)


@pytest.mark.parametrize(
    ("configured", "used"), [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply", "remote_apply")]
)
async def test_a_commit_is_on_disk_before_it_is_acknowledged_whatever_the_database_says(
    database: Database, configured: str, used: str
) -> None:
    database.sql(f"ALTER DATABASE {database.name} SET synchronous_commit = {configured}")
    way = link(database)
    try:
        async with way.transaction() as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == used
    finally:
        await way.close()


async def test_a_rollback_leaves_no_gap(database: Database) -> None:
    async with opened(database) as replica:
        async with uncommitted(database, deployment()):
            pass
        await replica.log.append([deployment(id="a")])
        assert replica.log.position == 1


async def test_a_batch_takes_effect_as_a_whole_and_tells_all_outcomes(database: Database) -> None:
    async with opened(database) as replica:
        batch = Batch((deployment(id="a"), incident(id="b"), deployment(id="a")))
        assert await replica.log.append([batch]) == [Outcome.CREATED, Outcome.CREATED, Outcome.UNCHANGED]
        assert replica.log.position == 3


async def test_everything_that_a_file_keeps_is_there_after_a_restart(database: Database) -> None:
    verdict = Verdict(change_failure=True, remediation=Remediation("rollback", id="x"))
    records: list[Record] = [
        SeriesOrder((("early", "production"),)),
        deployment(id="a", tags=("team:é", 'quote"'), upstream={"nul": "a\0b", "list": ["\0"]}),
        Judgement("a", verdict),
        incident(id="b", services=("one", "two"), revision=7, source="pd"),
        Deletion("incident", "b", NOW_MS, "pd"),
        incident(id="b", source="pd"),
        Cursor("pd", {"cursor": 5}),
    ]
    async with opened(database) as replica:
        await replica.log.append(records)
    store = await replayed(database)
    assert same(store, replica.store)
    assert store.deployments["a"].upstream == {"nul": "ab", "list": [""]}
    assert store.deployments["a"].verdict == verdict
    assert not store.incidents
    assert next(iter(store.series_order)) == ("early", "production")


async def test_a_row_that_cannot_be_read_is_counted_and_passed_over(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(database) as replica:
        await replica.log.append([deployment(id="a"), deployment(id="b"), deployment(id="c")])
        database.sql("""UPDATE dora.log SET body = '{"type": "unheard of"}' WHERE id = 'b'""")
        database.sql("UPDATE dora.log SET body = '[1]' WHERE id = 'c'")
        async with opened(database) as late:
            assert list(late.store.deployments) == ["a"]
            assert late.log.statistics().rows_lost == 2
            assert [each.partition(" reason=")[0] for each in caplog.messages] == [
                "log row skipped position=2",
                "log row skipped position=3",
            ]
            await late.log.append([deployment(id="d")])
            await replica.log.catch_up()
        assert list(replica.store.deployments) == ["a", "b", "c", "d"]


async def test_what_only_the_leader_may_write_is_refused_from_any_other(database: Database) -> None:
    async with opened(database) as replica:
        database.sql("INSERT INTO dora.lease VALUES ('leader', 'me', 3, clock_timestamp())")
        written = replica.log.append([deployment(id="a")], fence=Fence("leader", "me", 3))
        late = replica.log.append([deployment(id="b")], fence=Fence("leader", "me", 2))
        free = replica.log.append([deployment(id="c")])
        assert await written == [Outcome.CREATED]
        assert await free == [Outcome.CREATED]
        with pytest.raises(Unavailable, match="another replica is the leader"):
            await late
        assert list(replica.store.deployments) == ["a", "c"]


async def test_no_records_leave_everything_as_it_was(database: Database) -> None:
    async with opened(database) as replica, opened(database) as other:
        await replica.log.append([deployment(id="a")])
        assert await replica.log.append([]) == []
        await other.log.append([deployment(id="b")])
        await replica.log.catch_up()
        assert list(replica.store.deployments) == ["a", "b"]
        assert len(replica.others) == 1, "nothing is read twice"


async def test_a_log_that_was_restored_without_its_head_takes_nothing(database: Database) -> None:
    async with opened(database) as replica:
        database.sql("DELETE FROM dora.head")
        with pytest.raises(Unavailable):
            await asyncio.wait_for(replica.log.append([deployment(id="a")]), 10)
        assert "dora.head" in replica.log.away_because


async def test_nobody_takes_the_lease_while_its_holder_commits(database: Database) -> None:
    async with opened(database):
        database.sql("INSERT INTO dora.lease VALUES ('leader', 'me', 3, clock_timestamp())")
        mine, theirs = link(database), link(database)
        async with mine.transaction() as connection:
            rows = [each.row for each in entries([deployment()])]
            assert await statements.append(connection, rows, nonce=1, fences={Fence("leader", "me", 3)}) == 0
            with pytest.raises(TimeoutError):
                async with theirs.transaction(seconds=0.3) as other:
                    await other.execute("UPDATE dora.lease SET token = 4")
        await mine.close()
        await theirs.close()


async def test_a_record_that_the_database_refuses_is_refused_alone(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """An index takes no id of thousands of characters, and whoever sends one must not stop the others."""
    endless = "".join(hashlib.sha256(str(number).encode()).hexdigest() for number in range(100))
    async with opened(database) as replica:
        good, bad, late = (
            replica.log.append([deployment(id="good")]),
            replica.log.append([deployment(id=endless)]),
            replica.log.append([deployment(id="late")]),
        )
        assert await good == [Outcome.CREATED]
        assert await late == [Outcome.CREATED]
        with pytest.raises(Unavailable, match="the database refuses the record"):
            await bad
        assert list(replica.store.deployments) == ["good", "late"]
        assert replica.log.statistics().unavailable_since_ms is None
    assert [each.partition(" reason=")[0] for each in caplog.messages] == ["record refused by the database"]


async def test_a_database_that_takes_nothing_is_told_of_once_and_once_again_when_it_does(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    replica = Replica(PostgresLog(link(database), clock=clock))
    await replica.start()
    database.sql("ALTER TABLE dora.head RENAME TO hidden")
    for reason in ("the database connection was lost", *["the exporter's tables do not exist"] * 2):
        with pytest.raises(Unavailable, match=reason):
            await replica.log.append([deployment(id="refused")])
    assert replica.log.statistics().unavailable_since_ms == NOW_MS
    clock.advance(2500)
    database.sql("ALTER TABLE dora.hidden RENAME TO head")
    await asyncio.to_thread(until, lambda: replica.log.statistics().unavailable_since_ms is None)
    await replica.log.append([deployment(id="after")])
    await replica.log.close()
    assert list(replica.store.deployments) == ["after"]
    assert caplog.messages == [
        "database unavailable, writes are refused reason=the exporter's tables do not exist",
        "database available again after_seconds=2.5",
    ]


async def test_a_defect_ends_no_log(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever waits is refused, and the next turn is tried as after an outage."""
    has_defect = False

    def address() -> str:
        if has_defect:
            raise RuntimeError("a defect")
        return database.url()

    way = Link(address, name="test")
    replica = Replica(PostgresLog(way, clock=ManualClock()))
    await replica.start()
    has_defect = True
    way.drop()
    with pytest.raises(Unavailable):
        await replica.log.append([deployment(id="refused")])
    assert caplog.messages[0] == "event log failed"
    has_defect = False
    await asyncio.to_thread(until, lambda: replica.log.statistics().unavailable_since_ms is None)
    await replica.log.append([deployment(id="after")])
    await replica.log.close()
    assert list(replica.store.deployments) == ["after"]


async def test_another_history_of_the_same_length_is_noticed(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The database failed over to a copy that lacked the last row, and somebody wrote there before we looked."""
    async with opened(database) as behind:
        await behind.log.append([deployment(id="kept"), deployment(id="lost")])
        database.sql("DELETE FROM dora.log WHERE id = 'lost'; UPDATE dora.head SET position = 1")
        async with opened(database) as other:
            await other.log.append([deployment(id="new")])
            await other.log.append([deployment(id="newer")])
            await behind.log.catch_up()
            assert same(behind.store, other.store)
            assert list(behind.store.deployments) == ["kept", "new", "newer"]
    assert "reason=the database has lost records" in caplog.text
