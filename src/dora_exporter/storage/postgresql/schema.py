"""Creates and migrates the database schema; the first replica to start does it."""

import asyncio
import contextlib
import random
from importlib.resources import files

import asyncpg

from dora_exporter.storage.postgresql.connection import Connection, Link
from dora_exporter.storage.postgresql.errors import DatabaseError

OLDEST_SERVER = 120_000
"""PostgreSQL 12, as ``server_version_num``."""

_MIGRATIONS = ("001_log.sql", "002_attempts.sql")
"""Migrations in order: number n, counted from 1, makes schema version n. A released one is never changed."""

_RACE = (
    asyncpg.UniqueViolationError,  # two replicas create the same object at once, and the catalogue refuses the second
    asyncpg.DuplicateObjectError,
    asyncpg.DuplicateSchemaError,
    asyncpg.DuplicateTableError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InternalServerError,  # "tuple concurrently updated"
)
_RIGHTS = (
    "rights are missing ({reason}): let the user make the tables (GRANT CREATE ON DATABASE), or give it those that are "
    "there (GRANT USAGE ON SCHEMA dora; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA dora)"
)
_MISSING = """
SELECT relname FROM pg_catalog.pg_class
WHERE relnamespace = 'dora'::regnamespace AND relkind = 'r' AND NOT (
    has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
    AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')
)
"""
_TRIES = 10
_PAUSE_SECONDS = 0.5


async def prepare(link: Link, *, oldest_server: int = OLDEST_SERVER) -> None:
    """Creates or migrates the schema ``dora``. Any number of replicas may do so at once.

    Raises ``DatabaseError`` when the schema is foreign or newer than this program, or the server is too old.
    """
    try:
        for _ in range(_TRIES - 1):
            with contextlib.suppress(*_RACE):
                return await _prepare(link, oldest_server)
            await asyncio.sleep(_PAUSE_SECONDS * random.random())  # noqa: S311
        return await _prepare(link, oldest_server)
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseError(_RIGHTS.format(reason=error)) from error


async def _prepare(link: Link, oldest_server: int) -> None:
    async with link.transaction() as connection:
        await _check_server(connection, oldest_server)
        version = await _version(connection)
        if version > len(_MIGRATIONS):
            raise DatabaseError(
                f"the schema dora has version {version}, but this program supports {len(_MIGRATIONS)} at most: "
                "install a newer dora-exporter"
            )
        for number in range(version, len(_MIGRATIONS)):
            script = files("dora_exporter.storage.postgresql").joinpath("migrations", _MIGRATIONS[number])
            await connection.execute(script.read_text(encoding="utf-8"))
            await connection.execute(f"UPDATE dora.meta SET version = {number + 1}")  # noqa: S608 (``tables``: no $1)
    async with link.transaction("READ ONLY") as connection:
        missing = await connection.fetchval(_MISSING)
        if missing is not None:
            raise DatabaseError(_RIGHTS.format(reason=f"not all on the table dora.{missing}"))


async def _check_server(connection: Connection, oldest: int) -> None:
    number = int(await connection.fetchval("SELECT current_setting('server_version_num')"))
    if number < oldest:
        raise DatabaseError(f"the server has version {number // 10_000}, but {oldest // 10_000} or newer is needed")
    encoding = await connection.fetchval("SELECT current_setting('server_encoding')")
    if encoding != "UTF8":
        raise DatabaseError(f"the database has the encoding {encoding}, but UTF8 is needed")


async def _version(connection: Connection) -> int:
    """The version of the schema, 0 when there is none."""
    known = "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = 'dora'"
    if not await connection.fetchval(known):
        await connection.execute("CREATE SCHEMA dora")  # needs a right that IF NOT EXISTS would ask for in any case
        return 0
    tables = await connection.fetch("SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = 'dora'")
    names = {each["tablename"] for each in tables}
    if not names:
        return 0  # an administrator has made it already
    if "meta" not in names or "head" not in names:
        raise DatabaseError("the schema dora belongs to another program: give the exporter a database of its own")
    return int(await connection.fetchval("SELECT version FROM dora.meta"))
