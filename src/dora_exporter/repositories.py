"""One name for a repository, however its URL is written."""

import re

_END_OF_AUTHORITY = re.compile(r"[/?#]")
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::\d*)?")
_LOCAL = "localhost"


def normalise(url: str) -> str:
    """The repository as ``host/path``: raises ValueError when the URL names none.

    Left out are the scheme, user info, port, query, fragment and a trailing ``.git``, so the HTTPS, SSH and scp forms
    of one repository are equal. Two forges on one host that differ only in the port are taken for one. The host is in
    lower case; a path without a host is on ``localhost``.
    """
    scheme, separator, rest = url.strip().partition("://")
    host, path = _split_url(rest) if separator else _split_bare(scheme)
    path = re.split(r"[?#]", path, maxsplit=1)[0]
    if ":" in path[: max(path.rfind("@"), 0)]:  # a password where none is expected, such as behind a second scheme
        host, path = _without_secret(path)
    parts = [part for part in path.split("/") if part]
    if parts:
        parts[-1] = parts[-1].removesuffix(".git")
    name = "/".join(part for part in (host.lower() or _LOCAL, *parts) if part)
    if name == _LOCAL and not host:
        raise ValueError("names no repository")
    return name


def _split_url(rest: str) -> tuple[str, str]:
    """Host and path of what follows a scheme."""
    authority, path = _cut_authority(rest)
    match = _HOST_AND_PORT.fullmatch(authority.rpartition("@")[2])
    if match is None or ("@" in path and ":" in authority and not authority.startswith("[") and "@" not in authority):
        # Rather a password with a slash in it than a port, and of a password nothing may be kept.
        return _without_secret(rest)
    return match["host"], path


def _split_bare(text: str) -> tuple[str, str]:
    """Host and path of ``user@host:path`` or ``host/path``."""
    authority, path = _cut_authority(text)
    authority = authority.rpartition("@")[2]
    host, colon, first = authority.partition(":")
    if not colon or authority.startswith("["):
        return authority, path
    if "@" in path:
        return _without_secret(text)
    return host, f"{first}{path}"


def _without_secret(text: str) -> tuple[str, str]:
    """Host and path of what follows the last ``@``; raises ValueError when there is none."""
    _, found, rest = text.rpartition("@")
    if not found:
        raise ValueError("has no valid host")
    authority, path = _cut_authority(rest)
    host, _, first = authority.partition(":")
    return host, f"{'' if first.isdigit() else first}{path}"


def _cut_authority(text: str) -> tuple[str, str]:
    end = _END_OF_AUTHORITY.search(text)
    return (text, "") if end is None else (text[: end.start()], text[end.start() :])
