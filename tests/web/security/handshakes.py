"""A server that greets, and what its clients see of the handshake."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

_GREETING = b"hello"


@dataclass(frozen=True)
class Handshake:
    """What was agreed on. ``certificate`` is the server's, in DER."""

    version: str | None
    cipher: str
    certificate: bytes | None


@asynccontextmanager
async def greeting(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Listens with the context; gives the port."""
    assert context is not None

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_GREETING)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def shake_hands(port: int, context: ssl.SSLContext) -> Handshake | None:
    """What a client agrees on with the server, None when one of them refuses the other.

    A client of TLS 1.3 learns only with the first bytes that the server takes it.
    """
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        try:
            greeted = await reader.read(len(_GREETING)) == _GREETING
        finally:
            writer.transport.abort()
    except (ssl.SSLError, ConnectionError):
        return None
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    cipher = tls.cipher()
    assert cipher is not None
    return Handshake(tls.version(), cipher[0], tls.getpeercert(binary_form=True)) if greeted else None
