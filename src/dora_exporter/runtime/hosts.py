"""Names of hosts, as the header Host, origins and the configuration spell them."""

import re
import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

ANY_HOST = "*"
"""Stands for every host where hosts are listed."""

_AUTHORITY = re.compile(r"(?:\[(?P<bracketed>[^\[\]]+)\]|(?P<plain>[^\[\]:]+))(?::\d{0,5})?")
_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_OLD_ADDRESS = re.compile(r"[0-9a-fx]+(?:\.[0-9a-fx]+){0,3}")
_LONGEST = 260

_Address = IPv4Address | IPv6Address


@lru_cache(maxsize=256)
def host_of(authority: str) -> str | None:
    """The host of ``host:port`` in its one spelling, without port, brackets and final dot; None for anything else."""
    parts = _AUTHORITY.fullmatch(authority.strip().lower()) if len(authority) <= _LONGEST else None
    if parts is None:
        return None
    if parts["bracketed"] is not None:
        address = _address(parts["bracketed"])
        return str(address) if address is not None else None
    return one_spelling(parts["plain"])


def one_spelling(host: str) -> str | None:
    """A host without port and brackets in its one spelling; None when it is not a host."""
    name = host.lower().removesuffix(".")
    address = _address(name)
    if address is not None:
        return str(address)
    return name if _NAME.fullmatch(name) else None


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a host in its one spelling is this machine to itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761: it is never looked up elsewhere


def _address(text: str) -> _Address | None:
    """An address, also of IPv4 as old programs write it (127.1), or as one of IPv6."""
    try:
        address = ip_address(text)
    except ValueError:
        return _old_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _old_address(text: str) -> IPv4Address | None:
    if not _OLD_ADDRESS.fullmatch(text):
        return None
    try:
        return IPv4Address(socket.inet_aton(text))
    except OSError:
        return None
