"""Three paths behind middlewares, on a real socket."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ssl import SSLContext

from aiohttp import ClientSession, web
from aiohttp.typedefs import Middleware

from dora_exporter.web.application import application, runner
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.security.basic_auth import user_of
from dora_exporter.web.server.headers import OnPrepare

PATHS = ("/metrics", "/api/v1/series", "/webhooks/any")


async def _tell_user(request: web.Request) -> web.Response:
    return web.Response(text=f"user {user_of(request)}")


@asynccontextmanager
async def guarded(
    *middlewares: Middleware,
    access: Access | None = None,
    on_prepare: Sequence[OnPrepare] = (),
    ssl_context: SSLContext | None = None,
) -> AsyncIterator[ClientSession]:
    """A client of the daemon's application. Each of ``PATHS`` tells which user was let in."""
    app = application(
        routes=[web.get(path, _tell_user) for path in PATHS],
        operations=(),
        access=access or Access(),
        middlewares=middlewares,
        on_prepare=on_prepare,
    )
    serving = runner(app)
    await serving.setup()
    try:
        await web.TCPSite(serving, "127.0.0.1", 0, ssl_context=ssl_context).start()
        scheme = "https" if ssl_context else "http"
        async with ClientSession(f"{scheme}://127.0.0.1:{serving.addresses[0][1]}") as client:
            yield client
    finally:
        await serving.cleanup()
