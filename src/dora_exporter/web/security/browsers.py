"""Refuses requests that other sites' pages make a browser send: browsers reach daemons that their authors cannot."""

import logging
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from typing_extensions import override

from dora_exporter.runtime.hosts import ANY_HOST, host_of, is_loopback
from dora_exporter.web.server.errors import Forbidden, Problems, Words

logger = logging.getLogger(__name__)

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_FETCH_SITE = "Sec-Fetch-Site"
_OUR_SITES = frozenset({"same-origin", "none"})
_ORIGIN = re.compile(r"(?:http|https)://([^/]+)", re.IGNORECASE)
_USUAL_PORT = re.compile(r":(?:80|443)?$")
_SHOWN = 100
_NO_HOST = "?"


class ForbiddenToPages(Forbidden):
    """A request of a page, refused with the reason, because a person may have sent it."""

    @override
    def body(self) -> Problems | Words:
        """With the reason."""
        return Problems([self.problem()])


@dataclass
class Doors:
    """``is_open`` while neither keys nor passwords are asked for, ``allowed_hosts`` as configured, in one spelling."""

    is_open: bool = True
    allowed_hosts: Collection[str] = ()


def refuse_pages(doors: Doors, holds_key: Callable[[web.Request], bool]) -> Middleware:
    """A middleware that answers 403 to writes of other sites' pages, and at open doors to hosts it does not know.

    A page can let its own name lead to this machine, and then reads what it likes: but the name comes with the
    request. Known are the names of this machine to itself, the address that a connection reached, and
    ``allowed_hosts`` in their one spelling.
    """

    def is_known(host: str | None, request: web.Request) -> bool:
        allowed = doors.allowed_hosts
        if host is None or ANY_HOST in allowed:
            return host is not None
        return is_loopback(host) or host in allowed or host == _reached(request)

    def check_host(request: web.Request) -> None:
        for authority in _authorities(request):
            host = host_of(authority)
            if not is_known(host, request):
                logger.warning("request refused, unknown host host=%r from=%s", authority[:_SHOWN], request.remote)
                raise ForbiddenToPages(
                    f"without API keys the daemon accepts requests for known hosts only, and not for "
                    f"{authority[:_SHOWN]!a}: add it to web.allowed_hosts, or set api_keys"
                )

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        if doors.is_open:
            check_host(request)
        if request.method not in _READING and _is_of_another_site(request) and not holds_key(request):
            logger.warning("cross-site request refused from=%s", request.remote)
            raise ForbiddenToPages("cross-site requests must not write")
        return await handler(request)

    return refuse


def _authorities(request: web.Request) -> Iterator[str]:
    """The hosts that the request names. A client of HTTP/1.0 may name none; a browser always names one."""
    yield from request.headers.getall(hdrs.HOST, ())
    target, slashes, rest = request.raw_path.partition("://")
    if slashes and "/" not in target:
        yield re.split("[/?#]", rest, maxsplit=1)[0]


def _reached(request: web.Request) -> str | None:
    """The address of this machine that the connection was made to."""
    name = None if request.transport is None else request.transport.get_extra_info("sockname")
    return host_of(f"[{name[0]}]") if isinstance(name, tuple) else None


def _is_of_another_site(request: web.Request) -> bool:
    headers = request.headers
    if any(site not in _OUR_SITES for site in headers.getall(_FETCH_SITE, ())):
        return True
    ours = {_without_usual_port(host) for host in headers.getall(hdrs.HOST, ())}
    return any(_without_usual_port(_of_origin(each)) not in ours for each in headers.getall(hdrs.ORIGIN, ()))


def _of_origin(origin: str) -> str:
    """The host and port of an origin; for ``null`` and the like what is no host's."""
    parts = _ORIGIN.fullmatch(origin.strip())
    return parts[1] if parts else _NO_HOST


def _without_usual_port(authority: str) -> str:
    return _USUAL_PORT.sub("", authority.strip().lower())
