"""The URL of the first page, which the log shows."""

from dora_exporter.app.settings import WebSettings
from dora_exporter.config import addresses

_OF_THIS_MACHINE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # replaced, not listened on


def configured_page(web: WebSettings, *, is_tls: bool) -> str:
    """Where the page will be, as far as that is known before the daemon listens."""
    host, port = addresses.split(web.listen_addresses[0])
    is_known = port != 0 or _is_url(web.external_url)
    return page_at(web, host, port, is_tls=is_tls) if is_known else "at a free port"


def page_at(web: WebSettings, host: str, port: int, *, is_tls: bool) -> str:
    """The external URL, or else that at an address on which the daemon listens."""
    if web.external_url and _is_url(web.external_url):
        return f"{web.external_url}/"
    reachable = _OF_THIS_MACHINE.get(host, host)
    shown = f"[{reachable}]" if ":" in reachable else reachable
    return f"{'https' if is_tls else 'http'}://{shown}:{port}{web.prefix}/"


def _is_url(external: str | None) -> bool:
    """Whether it has a host: it may be only a path."""
    return external is not None and not external.startswith("/")
