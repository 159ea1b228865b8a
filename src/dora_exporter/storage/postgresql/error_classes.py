"""Why the database does not answer, in a few words without secrets."""

import asyncio
import socket
import ssl

import asyncpg

from dora_exporter.storage.postgresql.errors import DatabaseError

LOST = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # "cannot switch to state": the server's farewell came in the middle of something
)
"""What a database that went away, or does not like what it was told, raises."""

REFUSED = (asyncpg.DataError, asyncpg.ProgramLimitExceededError, ValueError)
"""The errors for a value that the database cannot store."""

EXPECTED = (DatabaseError, *LOST)
"""The errors of normal operation: anything else is a defect."""

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "it does not respond in time"),
    (socket.gaierror, "its host name is unknown"),
    (ConnectionRefusedError, "connection refused"),
    (ssl.SSLError, "the TLS handshake failed, or the certificate is not trusted"),
    (OSError, "the connection was lost"),
    (asyncpg.InvalidPasswordError, "user or password was rejected"),
    (asyncpg.InvalidAuthorizationSpecificationError, "user or password was rejected"),
    (asyncpg.InvalidCatalogNameError, "the database does not exist"),
    (asyncpg.UndefinedTableError, "the exporter's tables do not exist"),
    (asyncpg.InvalidSchemaNameError, "the exporter's tables do not exist"),
    (asyncpg.InterfaceError, "the connection was lost"),
    (asyncpg.InternalClientError, "the connection was lost"),
)
"""The first that fits counts."""


def reason(error: Exception) -> str:
    """Why the database does not answer, in words that hold no secret."""
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return f"{error}: let the owner GRANT it to the user"
    said: str = getattr(error, "message", None) or str(error)  # all of it has details and hints behind the first line
    return said.partition("\n")[0] or type(error).__name__
