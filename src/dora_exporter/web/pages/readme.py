"""``GET /readme``: the README that was installed with this version."""

from importlib.metadata import PackageNotFoundError, metadata

from aiohttp import web

from dora_exporter.web.operations import Operation
from dora_exporter.web.pages.page import HEADERS

README = Operation(method="GET", path="/readme", summary="The README of this version", is_text=True)


def routes() -> list[web.RouteDef]:
    """The route of the README; it is read once, now."""
    text = _installed()

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=text, headers=HEADERS)

    return [web.get(README.path, show)]


def _installed() -> str:
    try:
        return str(metadata("dora-exporter").json.get("description", ""))
    except PackageNotFoundError:
        return "The README comes with an installed dora-exporter; this one runs from its sources.\n"
