"""The SQL statements on the tables of the log."""

import logging
from collections.abc import AsyncGenerator, Collection, Sequence
from typing import NamedTuple

from dora_exporter.dora.records import Record, SeriesOrder
from dora_exporter.storage.postgresql.connection import Connection
from dora_exporter.storage.postgresql.rows import Row, Unreadable, columns, record_in, records_in

logger = logging.getLogger(__name__)

PAGE_ROWS = 500
"""About as many events as can be applied in a few milliseconds."""

# Positions are commit-ordered: whoever appends takes them from the one row of dora.head and holds that row until the
# commit, so a later position is never visible before those below it, and a rollback leaves no gap. Who has seen
# a position has therefore seen all below it. A cut at pg_snapshot_xmin would do as well, but every long transaction of
# the whole server would hold it up, and the engines that are distributed know no such thing.
# All locks of a transaction are taken by one statement, the last before its COMMIT. To prepare a statement the driver
# asks, and waits before it goes on; a server that reads the rest of such a pair ends no client that froze in between
# (neither statement_timeout nor idle_in_transaction_session_timeout counts there), so nothing may be locked by then.
_APPEND = """
WITH held AS (
    SELECT count(*) AS fences FROM (
        SELECT 1 FROM dora.lease JOIN unnest($3::text[], $4::text[], $5::bigint[]) AS fence (name, holder, token)
            USING (name, holder, token)
        FOR SHARE OF lease
    ) AS locked
), head AS (
    UPDATE dora.head SET position = position + $1 FROM held WHERE held.fences = cardinality($3)
    RETURNING position - $1 AS base
), added AS (
    INSERT INTO dora.log (position, about, id, kind, moment, revision, source, nonce, body)
    SELECT head.base + given.number, given.about, given.id, given.kind, given.moment, given.revision, given.source,
        $2, given.body::json
    FROM head, unnest($6::text[], $7::text[], $8::text[], $9::timestamptz[], $10::bigint[], $11::text[], $12::text[])
        WITH ORDINALITY AS given (about, id, kind, moment, revision, source, body, number)
)
SELECT base FROM head
"""

_HEAD = """
SELECT position, compacted_to, (SELECT nonce FROM dora.log WHERE log.position = COALESCE($1, head.position)) AS nonce
FROM dora.head
"""

_PAGE = """
SELECT array_agg(position ORDER BY position) AS positions,
    (array_agg(nonce ORDER BY position DESC))[1] AS nonce,
    convert_to(string_agg(body::text, E'\\n' ORDER BY position), 'UTF8') AS bodies
FROM (SELECT position, nonce, body FROM dora.log WHERE position > $1 ORDER BY position LIMIT $2) AS page
"""

_ONE_BY_ONE = """
SELECT position, convert_to(body::text, 'UTF8') AS body FROM dora.log WHERE position BETWEEN $1 AND $2 ORDER BY position
"""

_IS_HELD = "SELECT 1 FROM dora.lease WHERE name = $1 AND holder = $2 AND token = $3"

SNAPSHOT = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""The mode of a transaction whose questions are all about one state."""


class Fence(NamedTuple):
    """Who held the lease when something was written that only its holder may write."""

    name: str
    holder: str
    token: int


class Head(NamedTuple):
    """The last position of the log, and up to where it was compacted.

    ``nonce`` is what the append drew that wrote the row asked about; None where that row is not there any more.
    """

    position: int
    compacted_to: int
    nonce: int | None


class Page(NamedTuple):
    """Records that follow each other, each with its position, up to ``last``; ``lost`` rows could not be read.

    ``nonce`` is that of the last row.
    """

    records: list[tuple[int, Record]]
    last: int
    nonce: int
    lost: int


async def is_held(connection: Connection, fence: Fence) -> bool:
    """Whether the lease is still held at this moment."""
    return bool(await connection.fetchval(_IS_HELD, *fence))


async def append(
    connection: Connection, rows: Sequence[Row], nonce: int, *, fences: Collection[Fence] = ()
) -> int | None:
    """Adds rows, marked by a number drawn for them; the position before the first of them.

    Adds nothing and returns None unless all leases of ``fences`` are held. None of them can change hands before this
    transaction ends.
    """
    base: int | None = await connection.fetchval(
        _APPEND, len(rows), nonce, *columns(fences, width=3), *columns(rows, width=7)
    )
    return base


async def head(connection: Connection, known: int | None = None) -> Head:
    """Where the log ends, with the nonce of the last row or of a known one."""
    return Head(*await connection.fetchrow(_HEAD, known))


async def series_order(connection: Connection) -> SeriesOrder:
    """The series in the order of their first appearance, as far as the log was compacted."""
    rows = await connection.fetch("SELECT service, environment FROM dora.series ORDER BY rank")
    return SeriesOrder(tuple((each["service"], each["environment"]) for each in rows))


async def pages(connection: Connection, after: int) -> AsyncGenerator[Page, None]:
    """The log after a position, in order. In a transaction of the mode ``SNAPSHOT`` it has an end."""
    while (row := await connection.fetchrow(_PAGE, after, PAGE_ROWS))["positions"]:
        positions = row["positions"]
        after = positions[-1]
        try:
            records = records_in(row["bodies"], len(positions))
        except Unreadable:
            yield await _read_one_by_one(connection, positions, row["nonce"])
        else:
            yield Page(list(zip(positions, records, strict=True)), after, row["nonce"], 0)


async def _read_one_by_one(connection: Connection, positions: Sequence[int], nonce: int) -> Page:
    found, lost = [], 0
    for each in await connection.fetch(_ONE_BY_ONE, positions[0], positions[-1]):
        try:
            found.append((each["position"], record_in(each["body"])))
        except Unreadable as flaw:
            lost += 1
            logger.error("log row skipped position=%d reason=%s", each["position"], flaw)
    return Page(found, positions[-1], nonce, lost)
