"""The fixtures do what the tests rely on: a client meets the faults that they make."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
import trustme
from tests.storage.postgresql.cluster import Cluster, Database, cluster
from tests.storage.postgresql.pgbouncer import pgbouncer
from tests.storage.postgresql.proxy import Proxy

pytestmark = pytest.mark.e2e

SHORT_SECONDS = 0.3


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url, statement_cache_size=0)
    try:
        yield connection
    finally:
        connection.terminate()


async def test_a_database_is_empty_and_belongs_to_a_role_without_rights(database: Database) -> None:
    async with connected(database.url()) as connection:
        assert await connection.fetchval("SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = user") is False
        await connection.execute("CREATE SCHEMA dora")
        assert await connection.fetchval("SHOW fsync") == "on"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(database.as_user(database.user, "wrong").url())


async def test_what_was_committed_survives_a_crash_on_the_same_port(postgresql: Cluster, database: Database) -> None:
    database.sql("CREATE TABLE kept (number int); INSERT INTO kept VALUES (1)")
    async with connected(database.url()) as connection:
        postgresql.restart("immediate")
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
            await connection.execute("SELECT 1")
    assert database.sql("SELECT * FROM kept") == ["1"]


async def test_a_proxy_cuts_refuses_freezes_and_slows_down(database: Database, proxy: Proxy) -> None:
    url = database.url(port=proxy.port)
    async with connected(url) as connection:
        proxy.freeze()
        asked = asyncio.create_task(connection.fetchval("SELECT 7"))
        assert await asyncio.wait({asked}, timeout=SHORT_SECONDS) == (set(), {asked})
        proxy.thaw()
        assert await asked == 7
        proxy.refuse()
        assert await connection.fetchval("SELECT 8") == 8
        with pytest.raises(ConnectionRefusedError):
            await asyncpg.connect(url)
        proxy.accept()
        proxy.cut()
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
            await connection.execute("SELECT 1")
    async with connected(url) as connection:
        proxy.delay(SHORT_SECONDS)
        loop = asyncio.get_running_loop()
        before = loop.time()
        await connection.execute("SELECT 1")
        assert loop.time() - before > SHORT_SECONDS


async def test_a_proxy_cuts_in_the_middle_of_a_message(database: Database, proxy: Proxy) -> None:
    async with connected(database.url(port=proxy.port)) as connection:
        proxy.cut_after(20)
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
            await connection.execute("CREATE TABLE never (number int)")
    assert database.sql("SELECT to_regclass('never') IS NULL") == ["t"]
    async with connected(database.url(port=proxy.port)) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_pgbouncer_keeps_no_session(postgresql: Cluster, database: Database) -> None:
    with pgbouncer(postgresql) as port:
        url = database.url(port=port)
        async with connected(url) as one, connected(url) as other, one.transaction():
            await one.execute("SET search_path TO elsewhere")
            assert await other.fetchval("SELECT pg_backend_pid()") != await one.fetchval("SELECT pg_backend_pid()")
        async with connected(url) as one, connected(url) as two, connected(url) as three:
            pids = {await each.fetchval("SELECT pg_backend_pid()") for each in (one, two, three)}
            assert len(pids) < 3


async def test_a_cluster_with_certificates_takes_nobody_without_tls() -> None:
    authority = trustme.CA()
    with cluster(authority=authority) as secured, authority.cert_pem.tempfile() as root:
        database = secured.create_database()
        async with connected(database.url(sslmode="verify-full", sslrootcert=root)) as connection:
            assert await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") is True
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await asyncpg.connect(database.url(sslmode="disable"))
