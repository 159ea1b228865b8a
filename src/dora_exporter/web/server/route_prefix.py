"""Serves everything below a path, as Prometheus does with ``--web.route-prefix``.

The prefix is removed before a request is routed, so no other module knows of it. A path without it is moved below
``/.``, where only redirects to the prefix are served. The probes are at the root too: an orchestrator does not come
through a proxy.
"""

from collections.abc import Callable
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_parser import RawRequestMessage

_OUTSIDE = "/."
_PROBES = ("/-/healthy", "/-/ready")

RequestFactory = Callable[..., web.BaseRequest]
"""Makes a request of what was parsed; its first argument is the parsed head."""


def below(prefix: str, make: RequestFactory) -> RequestFactory:
    """Makes requests whose paths have no prefix."""

    def make_below(message: RawRequestMessage, *more: Any) -> web.BaseRequest:  # noqa: ANN401  # as aiohttp has it
        asked = message.url.raw_path
        if asked in _PROBES:
            return make(message, *more)
        is_inside = asked.startswith(f"{prefix}/")
        path = asked.removeprefix(prefix) if is_inside else f"{_OUTSIDE}{asked}"
        url = message.url.with_path(path, encoded=True, keep_query=True)
        return make(message._replace(path=str(url), url=url), *more)

    return make_below


def routes(prefix: str) -> list[web.RouteDef]:
    """Redirects from the root, and from the prefix without its last slash, to the page below the prefix."""
    if not prefix:
        return []
    last = prefix.rpartition("/")[2]
    return [
        web.get(f"{_OUTSIDE}/", _leading_to(f"{prefix[1:]}/")),
        web.get(f"{_OUTSIDE}{prefix}", _leading_to(f"{last}/")),
    ]


def _leading_to(place: str) -> Callable[[web.Request], Any]:
    """A relative redirect: a proxy may have taken a further prefix off."""

    async def lead(request: web.Request) -> web.Response:
        query = f"?{request.query_string}" if request.query_string else ""
        return web.Response(status=302, headers={hdrs.LOCATION: f"{place}{query}"})

    return lead
