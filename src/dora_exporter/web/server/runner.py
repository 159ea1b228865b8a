"""The server that makes the connections of an application."""

import asyncio
from typing import Any

from aiohttp import web

from dora_exporter.runtime.file_limit import file_limit, most_connections
from dora_exporter.web.server.connections import ConnectionLimit, CountedConnection, Handle
from dora_exporter.web.server.route_prefix import below

_READ_BYTES = 32 << 10
"""Twice so much of a body is buffered before a handler reads it."""


class Runner(web.AppRunner):
    """Runs an application on connections that are counted, below a path."""

    __slots__ = ("_prefix",)

    def __init__(self, app: web.Application, *, prefix: str = "", **settings: Any) -> None:  # noqa: ANN401
        """``settings`` are aiohttp's."""
        super().__init__(app, **settings)
        self._prefix = prefix

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        factory = below(self._prefix, made.request_factory) if self._prefix else made.request_factory
        return _Server(
            ConnectionLimit(lambda: most_connections(file_limit())),
            made.request_handler,
            request_factory=factory,
            loop=asyncio.get_running_loop(),
            **{"read_bufsize": _READ_BYTES, **made._kwargs},  # noqa: SLF001
        )


class _Server(web.Server):
    def __init__(self, limit: ConnectionLimit, handler: Handle, **options: object) -> None:
        super().__init__(handler, **options)  # type: ignore[arg-type]  # as the runner itself passes them on
        self._limit = limit

    def __call__(self) -> web.RequestHandler:
        return CountedConnection(self._limit, self, loop=self._loop, **self._kwargs)
