"""Deletes superseded rows from the log in small steps, while replicas read and write."""

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dora_exporter.dora.records import Cursor, Record
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import stopwatch
from dora_exporter.storage.postgresql.connection import Link
from dora_exporter.storage.postgresql.rows import columns, entries
from dora_exporter.storage.postgresql.statements import Fence

GROWTH = 100_000
"""A compaction runs after so many new positions, or after a day."""
SPARED_SECONDS = 600
"""Younger rows stay, so that a replica that was cut off for less can resume reading."""
_DAY_SECONDS = 86_400
_AT_ONCE = 200
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
)
"""
# Prefix of the statements below; each is the only one of its transaction (see ``tables`` for the reason).
_HELD = """
WITH held AS (
    SELECT 1 FROM dora.lease WHERE name = $1 AND holder = $2 AND token = $3 FOR SHARE
)
"""
_BEGIN = """
, added AS (
    INSERT INTO dora.series (rank, service, environment)
    SELECT given.number - 1, given.service, given.environment
    FROM held, unnest($5::text[], $6::text[]) WITH ORDINALITY AS given (service, environment, number)
    ON CONFLICT DO NOTHING
)
UPDATE dora.head SET compacted_to = $4 FROM held RETURNING 1
"""
_FOLD = """
, rewritten AS (
    UPDATE dora.log SET kind = given.kind, moment = given.moment, revision = given.revision, source = given.source,
        body = given.body::json
    FROM held, unnest($8::bigint[], $9::text[], $10::timestamptz[], $11::bigint[], $12::text[], $13::text[])
        AS given (position, kind, moment, revision, source, body)
    WHERE log.position = given.position AND log.body::text <> given.body
), deleted AS (
    DELETE FROM dora.log
    USING held, unnest($4::text[], $5::text[], $6::bigint[], $7::bool[]) AS given (about, id, last, keep)
    WHERE log.about = given.about AND log.id = given.id
        AND (log.position < given.last OR (log.position = given.last AND NOT given.keep))
)
SELECT 1 FROM held
"""
_END = """
UPDATE dora.head SET compacted_at = clock_timestamp() FROM held RETURNING 1
"""

logger = logging.getLogger(__name__)


class Candidate(NamedTuple):
    """The subject of rows, and the position of the last one."""

    about: str
    id: str
    last: int


class LeaseLost(Exception):
    """Another replica leads now."""


async def is_due(link: Link) -> bool:
    """Whether enough was written, or enough time has passed, since the last compaction."""
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
) -> None:
    """Folds the old rows of each event, tombstone and source into one.

    The row holds the store's state, which has ``applied`` all rows up to that position. An event with young rows keeps
    all its rows, because the effect of the young ones may depend on the old ones. Raises LeaseLost.
    """
    begun = stopwatch()
    oldest_ms = now_ms - retention_ms
    # This scans the whole log, so it holds no lock that others wait for.
    async with link.transaction("READ ONLY", seconds=_SECONDS, statement_seconds=_SECONDS) as connection:
        horizon = await connection.fetchval(_HORIZON, applied, float(spared_seconds))
        if horizon is None:
            return
        found = await connection.fetch(_CANDIDATES, horizon)
    order = list(store.series_order)
    # Before any row is deleted: a reader behind this position must re-read instead of missing the deleted rows.
    names = [each.service for each in order], [each.environment for each in order]
    await _commit(link, _BEGIN, fence, horizon, *names)
    for start in range(0, len(found), _AT_ONCE):
        some = [Candidate(*each) for each in found[start : start + _AT_ONCE]]
        left = [_what_is_left(each, store, oldest_ms) for each in some]
        await _commit(link, _FOLD, fence, *_given(some, left), *_kept(some, left))
    await _commit(link, _END, fence)
    logger.info("log compacted to=%d looked_at=%d seconds=%.1f", horizon, len(found), stopwatch() - begun)


async def _commit(link: Link, statement: str, fence: Fence, *arguments: object) -> None:
    """Commits a step under the lease; the step's own arguments begin with $4. Raises LeaseLost."""
    async with link.transaction() as connection:
        if not await connection.fetchval(_HELD + statement, *fence, *arguments):
            raise LeaseLost


def _given(some: Sequence[Candidate], left: Sequence[Record | None]) -> Iterable[list[object]]:
    """The subjects in columns: kind, id, last position, and whether a row stays."""
    return columns(
        [(*candidate, record is not None) for candidate, record in zip(some, left, strict=True)],
        width=4,
    )


def _kept(some: Sequence[Candidate], left: Sequence[Record | None]) -> Iterable[list[object]]:
    """The rows that stay, in columns."""
    kept = [
        (candidate.last, *entries([record])[0].row[2:])
        for candidate, record in zip(some, left, strict=True)
        if record is not None
    ]
    return columns(kept, width=6)


def _what_is_left(each: Candidate, store: EventStore, oldest_ms: int) -> Record | None:
    """The record that holds the store's state of a subject; None when there is none."""
    match each.about:
        case "deployment":
            deployment = store.deployments.get(each.id)
            if deployment is not None:
                return deployment
        case "incident":
            incident = store.incidents.get(each.id)
            if incident is not None:
                return incident
        case "source":
            state = store.cursors.get(each.id)
            return None if state is None else Cursor(each.id, state)
        case _:
            return None
    tombstone = store.tombstones.get(("deployment" if each.about == "deployment" else "incident", each.id))
    return tombstone if tombstone is not None and tombstone.at >= oldest_ms else None
