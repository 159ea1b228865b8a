"""The addresses that the daemon listens on."""

import logging
from collections.abc import Sequence
from ssl import SSLContext

from aiohttp import web

from dora_exporter import addresses

logger = logging.getLogger(__name__)


_BACKLOG = 1024
"""Connections that wait to be accepted: one too many is told nothing, and tries again only after a second."""


class CannotListen(Exception):
    """An address is taken or not one of this machine's; the message says which."""


async def listen(runner: web.AppRunner, configured: Sequence[str], ssl_context: SSLContext | None) -> None:
    """Listens on every address, ``host:port`` each, and logs where that really is: port 0 takes a free one."""
    for address in configured:
        host, port = addresses.split(address)
        site = web.TCPSite(runner, host or None, port, ssl_context=ssl_context, backlog=_BACKLOG)
        try:
            await site.start()
        except OSError as error:
            raise CannotListen(f"cannot listen on {address}: {error.strerror or error}") from error
    for bound in runner.addresses:
        shown = f"[{bound[0]}]:{bound[1]}" if ":" in bound[0] else f"{bound[0]}:{bound[1]}"
        logger.info("listening address=%s tls=%s", shown, str(ssl_context is not None).lower())
