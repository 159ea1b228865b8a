"""``/-/healthy``, ``/-/ready`` and ``/-/reload``, as Prometheus itself has them."""

from collections.abc import Awaitable, Callable

from aiohttp import web

Reload = Callable[[], Awaitable[str | None]]
"""Reads the configuration again. None when it is in use now, otherwise what is wrong with it; the old one stays."""


def routes(*, is_ready: Callable[[], bool], reload: Reload | None) -> list[web.RouteDef]:
    """The routes of the probes; without ``reload`` a reload over HTTP is refused."""

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="dora-exporter is healthy.\n")

    async def ready(_: web.Request) -> web.Response:
        if is_ready():
            return web.Response(text="dora-exporter is ready.\n")
        return web.Response(status=503, text="dora-exporter is not ready: it is reading its snapshot.\n")

    async def reload_configuration(_: web.Request) -> web.Response:
        if reload is None:
            return web.Response(status=403, text="The lifecycle API is off; --web.enable-lifecycle turns it on.\n")
        mistake = await reload()
        if mistake is None:
            return web.Response(text="The configuration was reloaded.\n")
        return web.Response(status=500, text=f"The configuration was not reloaded: {mistake}\n")

    return [
        web.get("/-/healthy", healthy),
        web.get("/-/ready", ready),
        web.post("/-/reload", reload_configuration),
        web.put("/-/reload", reload_configuration),
    ]
