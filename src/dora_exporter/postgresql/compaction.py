"""Takes rows out of the log that say nothing any more, a few at a time and while everybody goes on."""

import asyncio
import logging
from collections.abc import Sequence
from typing import NamedTuple

from dora_exporter.clock import stopwatch
from dora_exporter.events import Deployment, Series
from dora_exporter.postgresql import tables
from dora_exporter.postgresql.link import Connection, Link
from dora_exporter.postgresql.rows import Entry, entries, moment
from dora_exporter.postgresql.tables import Fence
from dora_exporter.records import Cursor, Record
from dora_exporter.store import EventStore

GROWTH = 100_000
"""So many new positions make a compaction worth while, or a day."""
SPARED_SECONDS = 600
"""What is younger stays: a replica that was cut off for less reads on where it was."""
_DAY_SECONDS = 86_400
_AT_ONCE = 200
_LOOKED_AT_ONCE = 5000
_SECONDS = 300

_STATE = """
SELECT position - compacted_to AS growth, extract(epoch FROM clock_timestamp() - compacted_at)::float8 AS age
FROM dora.head
"""
_HORIZON = """
SELECT max(position) FROM dora.log WHERE position <= $1 AND at < clock_timestamp() - make_interval(secs => $2)
"""
_CANDIDATES = """
SELECT about, id, max(position) FILTER (WHERE position <= $1) AS last FROM dora.log
GROUP BY about, id
HAVING min(position) <= $1 AND (max(position) <= $1 OR about = 'source') AND (
    count(*) FILTER (WHERE position <= $1) > 1
    OR max(kind) NOT IN ('deployment', 'incident', 'cursor')
    OR max(moment) < $2
)
"""
_BEGIN = "UPDATE dora.head SET compacted_to = $1"
_END = "UPDATE dora.head SET compacted_at = clock_timestamp()"
_ADD_SERIES = """
INSERT INTO dora.series (rank, service, environment)
SELECT given.number - 1, given.service, given.environment
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS given (service, environment, number)
ON CONFLICT DO NOTHING
"""
_REWRITE = """
UPDATE dora.log SET kind = given.kind, moment = given.moment, revision = given.revision, source = given.source,
    body = given.body::json
FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::bigint[], $5::text[], $6::text[])
    AS given (position, kind, moment, revision, source, body)
WHERE log.position = given.position AND log.body::text <> given.body
"""
_DELETE = """
DELETE FROM dora.log USING unnest($1::text[], $2::text[], $3::bigint[], $4::bool[]) AS given (about, id, last, keep)
WHERE log.about = given.about AND log.id = given.id
    AND (log.position < given.last OR (log.position = given.last AND NOT given.keep))
"""

logger = logging.getLogger(__name__)


class Candidate(NamedTuple):
    """What rows are about, and the last of them."""

    about: str
    id: str
    last: int


class LeaseLost(Exception):
    """Another replica leads by now."""


async def is_due(link: Link) -> bool:
    """Whether enough was written, or enough time has passed, since the last time."""
    async with link.transaction("READ ONLY") as connection:
        state = await connection.fetchrow(_STATE)
    return bool(state["growth"] and (state["growth"] >= GROWTH or state["age"] >= _DAY_SECONDS))


async def compact(
    link: Link,
    store: EventStore,
    *,
    fence: Fence,
    applied: int,
    now_ms: int,
    retention_ms: int,
    spared_seconds: float = SPARED_SECONDS,
) -> int:
    """Leaves one row of each event, tombstone and source of which there are old ones; how many there were to do.

    The row says what the store says, which has ``applied`` all up to that position. Of an event with young rows all
    stay, because what these do may depend on what the old ones say. Raises LeaseLost.
    """
    begun = stopwatch()
    oldest_ms = now_ms - retention_ms
    # This takes as long as the log is, so it holds no lock that anybody waits for.
    async with link.transaction("READ ONLY", seconds=_SECONDS, statement_seconds=_SECONDS) as connection:
        horizon = await connection.fetchval(_HORIZON, applied, float(spared_seconds))
        if horizon is None:
            return 0
        found = await connection.fetch(_CANDIDATES, horizon, moment(oldest_ms))
    order = list(store.series_order)
    async with link.transaction() as connection:
        await _check(connection, fence)
        await connection.execute(_ADD_SERIES, [each.service for each in order], [each.environment for each in order])
        # Before any row goes, so that whoever has not come that far does not take what is left for all there was.
        await connection.execute(_BEGIN, horizon)
    last = await _last_of_each_series(store, oldest_ms, now_ms)
    for start in range(0, len(found), _AT_ONCE):
        some = [Candidate(*each) for each in found[start : start + _AT_ONCE]]
        async with link.transaction() as connection:
            await _check(connection, fence)
            await _fold(connection, some, [_what_is_left(each, store, oldest_ms, last) for each in some])
    async with link.transaction() as connection:
        await _check(connection, fence)
        await connection.execute(_END)
    logger.info("log compacted to=%d looked_at=%d seconds=%.1f", horizon, len(found), stopwatch() - begun)
    return len(found)


async def _check(connection: Connection, fence: Fence) -> None:
    if not await tables.is_within(connection, fence):
        raise LeaseLost


async def _fold(connection: Connection, some: Sequence[Candidate], left: Sequence[Record | None]) -> None:
    kept: list[tuple[Candidate, Entry]] = [
        (candidate, entries([record])[0]) for candidate, record in zip(some, left, strict=True) if record is not None
    ]
    rows = [(each.last, *entry.row[2:]) for each, entry in kept]
    if rows:
        await connection.execute(_REWRITE, *map(list, zip(*rows, strict=True)))
    given = [(*candidate, record is not None) for candidate, record in zip(some, left, strict=True)]
    await connection.execute(_DELETE, *map(list, zip(*given, strict=True)))


def _what_is_left(each: Candidate, store: EventStore, oldest_ms: int, last: set[str]) -> Record | None:
    """The one record that says what is known of something; None when nothing is."""
    match each.about:
        case "deployment":
            deployment = store.deployments.get(each.id)
            if deployment is not None:
                return deployment if deployment.finished_at >= oldest_ms or each.id in last else None
        case "incident":
            incident = store.incidents.get(each.id)
            if incident is not None:
                return incident if incident.finished_at is None or incident.finished_at >= oldest_ms else None
        case "source":
            state = store.cursors.get(each.id)
            return None if state is None else Cursor(each.id, state)
        case _:
            return None
    tombstone = store.tombstones.get(("deployment" if each.about == "deployment" else "incident", each.id))
    return tombstone if tombstone is not None and tombstone.at >= oldest_ms else None


async def _last_of_each_series(store: EventStore, oldest_ms: int, now_ms: int) -> set[str]:
    """The ids of old deployments that are the last of their series up to now; others have their turn meanwhile."""
    last: dict[Series, Deployment] = {}
    ids = list(store.deployments)
    for start in range(0, len(ids), _LOOKED_AT_ONCE):
        for each in map(store.deployments.get, ids[start : start + _LOOKED_AT_ONCE]):
            if each is not None and each.finished_at <= now_ms:
                before = last.get(each.series)
                if before is None or _rank(each) > _rank(before):
                    last[each.series] = each
        await asyncio.sleep(0)
    return {each.id for each in last.values() if each.finished_at < oldest_ms}


def _rank(deployment: Deployment) -> tuple[int, int, str]:
    return deployment.finished_at, deployment.started_at, deployment.id
