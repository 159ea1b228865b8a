"""The HTTP server of the daemon."""

import ssl

from aiohttp import web

from dora_exporter.app.settings import WebSettings
from dora_exporter.web.application import runner
from dora_exporter.web.server.listener import listen


class HttpServer:
    """Serves an application at the addresses of the settings."""

    def __init__(self, application: web.Application, settings: WebSettings, ssl_context: ssl.SSLContext | None) -> None:
        """Listens nowhere yet. Without ``ssl_context`` it speaks plain HTTP."""
        self.application = application
        self._settings = settings
        self._ssl_context = ssl_context
        self._runner = runner(application, prefix=settings.prefix)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The hosts and ports on which it listens."""
        return [(host, port) for host, port, *_ in self._runner.addresses]

    async def start(self) -> None:
        """Listens; raises ``CannotListen``."""
        await self._runner.setup()
        await listen(self._runner, self._settings.listen_addresses, self._ssl_context)

    async def stop(self) -> None:
        """Accepts no more connections, and finishes requests."""
        await self._runner.cleanup()
