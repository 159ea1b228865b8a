"""The addresses that the daemon listens on."""

import asyncio
import logging
from collections.abc import Sequence
from ssl import SSLContext

from aiohttp import web
from typing_extensions import override

from dora_exporter.config import addresses
from dora_exporter.web.server.connection_limit import HEAD_SECONDS

logger = logging.getLogger(__name__)


_BACKLOG = 1024
"""Connections that wait to be accepted: one too many is told nothing, and tries again only after a second."""


_FAREWELL_SECONDS = 5.0


class CannotListen(Exception):
    """An address is taken or not one of this machine's; the message says which."""


class _Site(web.TCPSite):
    """A listening socket of which a stranger does not hold a connection for a minute by not shaking hands."""

    __slots__ = ()

    @override
    async def start(self) -> None:
        await web.BaseSite.start(self)
        if self._runner.server is None:
            raise RuntimeError("the runner is not set up")
        self._server = await asyncio.get_running_loop().create_server(
            self._runner.server,
            self._host,
            self._port,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=HEAD_SECONDS if self._ssl_context else None,
            ssl_shutdown_timeout=_FAREWELL_SECONDS if self._ssl_context else None,
        )


async def listen(runner: web.AppRunner, configured: Sequence[str], ssl_context: SSLContext | None) -> None:
    """Listens on every address, ``host:port`` each, and logs where that really is: port 0 takes a free one."""
    for address in configured:
        host, port = addresses.split(address)
        site = _Site(runner, host or None, port, ssl_context=ssl_context, backlog=_BACKLOG)
        try:
            await site.start()
        except OSError as error:
            raise CannotListen(f"cannot listen on {address}: {error.strerror or error}") from error
    for bound in runner.addresses:
        shown = f"[{bound[0]}]:{bound[1]}" if ":" in bound[0] else f"{bound[0]}:{bound[1]}"
        logger.info("listening address=%s tls=%s", shown, str(ssl_context is not None).lower())
