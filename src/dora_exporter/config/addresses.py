"""Addresses that a server listens on, as they are configured: ``host:port``."""

from ipaddress import ip_address

_LARGEST_PORT = 65_535


def split(address: str) -> tuple[str, int]:
    """Host and port. The host of ``[::1]:3672`` is without brackets, that of ``:3672`` is empty; raises ValueError."""
    host, colon, port = address.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    is_port = port.isascii() and port.isdigit() and int(port) <= _LARGEST_PORT
    if not colon or not is_port or (":" in host and not is_bracketed) or any(each in host for each in "/ \t\n@"):
        raise ValueError("must be host:port, such as 127.0.0.1:3672, [::1]:3672 or :3672")
    return host.removeprefix("[").removesuffix("]"), int(port)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address. A name other than ``localhost`` may be anything."""
    host, _ = split(address)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
