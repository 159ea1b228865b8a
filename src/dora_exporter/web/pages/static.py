"""The files that the pages are shown with."""

from importlib.resources import files

from aiohttp import hdrs, web

from dora_exporter.web.openapi.operation import Operation

_FILES = {
    "page.css": ("text/css", "The stylesheet of the pages"),
    "icon.svg": ("image/svg+xml", "The icon of the pages"),
}
_HEADERS = {hdrs.CACHE_CONTROL: "max-age=3600", "X-Content-Type-Options": "nosniff"}

OPERATIONS = tuple(
    Operation(method="GET", path=f"/static/{name}", summary=summary, is_text=True)
    for name, (_, summary) in _FILES.items()
)


def routes() -> list[web.RouteDef]:
    """A route for each file; they are read once, now."""
    return [_route(name, content_type) for name, (content_type, _) in _FILES.items()]


def _route(name: str, content_type: str) -> web.RouteDef:
    body = files("dora_exporter.web").joinpath("static", name).read_bytes()

    async def send(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type, headers=_HEADERS)

    return web.get(f"/static/{name}", send)
