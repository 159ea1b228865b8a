"""One connection to the database, which reconnects when it is lost."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from dora_exporter import __version__
from dora_exporter.storage.postgresql.error_classes import LOST
from dora_exporter.storage.postgresql.errors import DatabaseError
from dora_exporter.storage.postgresql.url import ReadUrl

CONNECT_SECONDS = 5
TURN_SECONDS = 10
"""A connection without a response for so long counts as lost."""

Connection = Any
"""An ``asyncpg.Connection``, which ships without types."""

_LIMITS = (
    "SET LOCAL statement_timeout = '{statement}s'; SET LOCAL lock_timeout = '{statement}s'; "
    "SET LOCAL idle_in_transaction_session_timeout = '{idle}s'; "
    "SELECT set_config('synchronous_commit', "
    "CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)"
)
"""The server ends what a client that froze left open: others wait for its locks. Limits are set for a transaction
each, because a pooling proxy lets many clients share a session. Whatever a role or a database says, a commit is on disk
before it is acknowledged."""


class Link:
    """A connection for one caller at a time. It uses no session state, only transactions."""

    def __init__(self, url: ReadUrl, *, name: str) -> None:
        """Connects on first use. ``name`` is shown in ``pg_stat_activity``."""
        self._url = url
        self._name = f"dora-exporter {name}"
        self._connection: Connection | None = None

    @asynccontextmanager
    async def transaction(
        self, mode: str = "", *, seconds: float = TURN_SECONDS, statement_seconds: int = 8, idle_seconds: int = 5
    ) -> AsyncIterator[Connection]:
        """A transaction in the given mode, committed at the end.

        Raises ``DatabaseError`` where there is no way to the database, and one of ``LOST``; then it is unknown whether
        it was committed, and the next one begins on a new connection.
        """
        try:
            async with asyncio.timeout(seconds):
                connection = await self._connected()
                limits = _LIMITS.format(statement=statement_seconds, idle=idle_seconds)
                await connection.execute(f"BEGIN {mode}; {limits}")
                yield connection
                await connection.execute("COMMIT")
        except BaseException:
            self.drop()
            raise

    def drop(self) -> None:
        """Drops the connection at once; the server rolls back its open transaction."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        """Closes the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.close(timeout=1)
            except LOST:
                connection.terminate()

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._url, name=self._name)
        return self._connection


async def connect(url: ReadUrl, *, name: str) -> Connection:
    """A new connection; raises ``DatabaseError`` where the URL is none, or one of ``LOST``."""
    try:
        text = await asyncio.to_thread(url)
    except OSError as error:
        raise DatabaseError(f"store.url_file cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DatabaseError(f"store.url {error}") from error
    try:
        return await asyncpg.connect(
            text,
            timeout=CONNECT_SECONDS,
            statement_cache_size=0,  # a pooling proxy hands a session with its statements to others
            server_settings={"application_name": f"{name} {__version__}"},
        )
    except ssl.SSLError:  # an untrusted certificate is a ValueError too
        raise
    except (ValueError, asyncpg.ClientConfigurationError) as error:  # their messages repeat parts of the URL
        raise DatabaseError("store.url is invalid: check its options and the files that it names") from error
