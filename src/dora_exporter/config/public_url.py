"""The URL under which others reach the daemon, and the path that it serves below: as Prometheus has both."""

from urllib.parse import SplitResult, quote, urlsplit

_SAFE = "/:@!$&'()*+,;=~%"
"""The characters of a path that need no quoting."""


def external(text: str) -> str:
    """A URL, or only its path, without a slash at its end; raises ValueError."""
    parts = _split(text)
    if parts is None or parts.query or parts.fragment or "?" in text or "#" in text or not text.isprintable():
        raise ValueError("must be a URL such as https://host/dora or a path such as /dora")
    is_path = text.startswith("/") and not parts.netloc
    if not is_path and parts.scheme not in ("http", "https"):
        raise ValueError("must be a URL such as https://host/dora or a path such as /dora")
    if "@" in parts.netloc or (not is_path and not parts.hostname):
        raise ValueError("must name a host, and hold no user or password")
    path = prefix(parts.path)
    return (path or "/") if is_path else f"{parts.scheme}://{parts.netloc}{path}"


def prefix(text: str) -> str:
    """A path with a slash before it and none behind, which of the root is empty; raises ValueError."""
    path = text.strip("/")
    if not path:
        return ""
    if any(part in ("", ".", "..") for part in path.split("/")) or not path.isprintable() or set(path) & set(" ?#\\"):
        raise ValueError("must be a path such as /dora")
    return quote(f"/{path}", safe=_SAFE)


def path_of(url: str) -> str:
    """The path of an external URL, empty for the root."""
    return urlsplit(url).path.rstrip("/")


def host_of(url: str) -> str | None:
    """The host of an external URL; None where it is only a path."""
    return urlsplit(url).hostname


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts
