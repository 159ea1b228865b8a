"""The addresses that the daemon listens on."""

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from ssl import SSLContext
from typing import Any, cast

from aiohttp import web
from typing_extensions import override

from dora_exporter.config import addresses
from dora_exporter.web.server.connections import HEAD_SECONDS

logger = logging.getLogger(__name__)


_BACKLOG = 1024
"""Connections that wait to be accepted: a client beyond them retries only after a second."""

_ACCEPTED_IN_A_ROUND = 16

_SEND_BYTES = 128 << 10
"""The send buffer of a connection, which the system doubles: its default is megabytes."""

_FAREWELL_SECONDS = 5.0


class CannotListen(Exception):
    """An address is taken or not one of this machine's; the message says which."""


class _Site(web.BaseSite):
    """Listening sockets with a short timeout for TLS handshakes: the default is a minute."""

    __slots__ = ("_where",)

    def __init__(self, runner: web.AppRunner, ssl_context: SSLContext | None, **where: Any) -> None:  # noqa: ANN401
        """``where`` are the arguments of asyncio's ``create_server`` about the address."""
        super().__init__(runner, ssl_context=ssl_context, backlog=_BACKLOG)
        self._where = where

    @property
    @override
    def name(self) -> str:
        return str(self._where)

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """The listening sockets, once it is started."""
        return cast("asyncio.Server", self._server).sockets  # uvloop's is none by class

    @override
    async def start(self) -> None:
        await super().start()
        if self._runner.server is None:
            raise RuntimeError("the runner is not set up")
        self._server = await asyncio.get_running_loop().create_server(
            self._runner.server,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=HEAD_SECONDS if self._ssl_context else None,
            ssl_shutdown_timeout=_FAREWELL_SECONDS if self._ssl_context else None,
            **self._where,
        )


async def listen(runner: web.AppRunner, configured: Sequence[str], ssl_context: SSLContext | None) -> None:
    """Listens on every address, ``host:port`` each, and logs where that really is: port 0 takes a free one."""
    for address in configured:
        host, port = addresses.split(address)
        site = _Site(runner, ssl_context, host=host or None, port=port)
        try:
            await site.start()
            for listening in site.sockets:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
                await _accept_faster(runner, ssl_context, listening)
        except OSError as error:
            raise CannotListen(f"cannot listen on {address}: {error.strerror or error}") from error
    for bound in dict.fromkeys(runner.addresses):
        shown = f"[{bound[0]}]:{bound[1]}" if ":" in bound[0] else f"{bound[0]}:{bound[1]}"
        logger.info("listening address=%s tls=%s", shown, str(ssl_context is not None).lower())


async def _accept_faster(runner: web.AppRunner, ssl_context: SSLContext | None, listening: socket.socket) -> None:
    """Listens with copies of a descriptor: uvloop accepts one connection of each in a round of the event loop.

    Otherwise the last of many new connections waits for as many rounds, and a round takes milliseconds under load.
    """
    for _ in range(_ACCEPTED_IN_A_ROUND - 1):
        copy = socket.socket(fileno=os.dup(listening.fileno()))
        await _Site(runner, ssl_context, sock=copy).start()
