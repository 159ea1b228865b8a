"""Lets pages of chosen other origins read a path (CORS)."""

from collections.abc import Callable, Collection, Mapping

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from dora_exporter.web.security.api_keys import API_KEY_HEADER, APPLICATION_KEY_HEADER
from dora_exporter.web.server.errors import Refusal

ANY = "*"
_OF_PREFLIGHT: Mapping[str, str] = {
    hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET",
    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: f"{API_KEY_HEADER}, {APPLICATION_KEY_HEADER}, {hdrs.AUTHORIZATION}",
    hdrs.ACCESS_CONTROL_MAX_AGE: "3600",
}
Origins = Callable[[], Collection[str]]


def no_origins() -> Collection[str]:
    """Pages of no other origin."""
    return ()


def shared_get(path: str, handler: Handler, origins: Origins) -> list[web.RouteDef]:
    """The routes of a path that pages of ``origins`` may read, refusals too, with a key in a header."""

    async def read(request: web.Request) -> web.StreamResponse:
        headers = _headers(request, origins())
        try:
            answer = await handler(request)
        except Refusal as refusal:
            refusal.headers = {**refusal.headers, **headers}
            raise
        answer.headers.update(headers)
        return answer

    async def answer_preflight(request: web.Request) -> web.Response:
        headers = _headers(request, origins())
        if hdrs.ACCESS_CONTROL_ALLOW_ORIGIN in headers:
            headers = {**headers, **_OF_PREFLIGHT}
        return web.Response(status=204, headers=headers)

    return [web.get(path, read), web.options(path, answer_preflight)]


def _headers(request: web.Request, allowed: Collection[str]) -> Mapping[str, str]:
    """Names the origin of the page if it may read the answer."""
    origin = request.headers.get(hdrs.ORIGIN)
    headers: dict[str, str] = {hdrs.VARY: hdrs.ORIGIN} if allowed else {}
    if origin is not None and (ANY in allowed or origin in allowed):
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = ANY if ANY in allowed else origin
    return headers
