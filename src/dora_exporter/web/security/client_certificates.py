"""Client certificates: only those with an allowed subject alternative name are admitted."""

from collections.abc import Callable, Collection
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from dora_exporter.web.server.errors import Forbidden

AllowedNames = Callable[[], Collection[str] | None]
"""Returns the allowed subject alternative names; None allows every certificate that TLS accepts."""


def client_certificates(allowed: AllowedNames) -> Middleware:
    """A middleware that refuses certificates without one of the allowed names."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        names = allowed()
        if names is not None and names_in(request).isdisjoint(names):
            raise Forbidden("the client certificate has none of the allowed names")
        return await handler(request)

    return check


def names_in(request: web.Request) -> frozenset[str]:
    """The DNS names, IP addresses, e-mail addresses and URIs of the client's certificate."""
    certificate = request.get_extra_info("peercert") or {}
    return frozenset(_name(kind, value) for kind, value in certificate.get("subjectAltName", ()))


def _name(kind: str, value: str) -> str:
    """OpenSSL writes IPv6 addresses at full length and in capitals, and malformed ones as words."""
    if kind != "IP Address":
        return value
    try:
        return str(ip_address(value.strip()))
    except ValueError:
        return value
