"""Normalises the names of repositories, however their URLs are written."""

import re
from functools import lru_cache
from urllib.parse import unquote

_END_OF_AUTHORITY = re.compile(r"[/?#]")
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::\d*)?")
_LOCAL = "localhost"

_AZURE = "dev.azure.com"
_AZURE_SSH = ("ssh.dev.azure.com", "vs-ssh.visualstudio.com")
_AZURE_OLD = ".visualstudio.com"
_OTHER_HOSTS = {
    "www.github.com": "github.com",
    "ssh.github.com": "github.com",
    "www.gitlab.com": "gitlab.com",
    "altssh.gitlab.com": "gitlab.com",
    "www.bitbucket.org": "bitbucket.org",
    "altssh.bitbucket.org": "bitbucket.org",
}
_OWNER_AND_NAME = ("github.com", "bitbucket.org")
"""Hosts on which a repository has two names; a further path is one of its pages."""


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
        # This is a password with a slash in it, not a port, and no part of a password may be kept.
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


@lru_cache(maxsize=4096)
def key(name: str) -> str:
    """A key that is equal for all spellings of one repository; ``name`` comes from ``normalise``.

    No host that people use tells repositories apart by case; a folder of this machine may. Azure DevOps and Bitbucket
    Server have URLs of several shapes for one repository.
    """
    host, *parts = name.split("/")
    if host == _LOCAL:
        return name
    host = host.rstrip(".") or host
    host = _OTHER_HOSTS.get(host, host)
    parts = [part for part in unquote("/".join(parts)).casefold().split("/") if part]
    if parts:
        parts[-1] = parts[-1].removesuffix(".git")
    if host == _AZURE or host in _AZURE_SSH or host.endswith(_AZURE_OLD):
        return "/".join((_AZURE, *_azure(host, parts)))
    return "/".join((host, *_without_page(host, _bitbucket_server(parts))))


def _azure(host: str, parts: list[str]) -> list[str]:
    """Organisation, project and repository; a name that the latter two share is written once in URLs."""
    if host in _AZURE_SSH:
        return parts[1:] if parts[:1] == ["v3"] else parts
    if host.endswith(_AZURE_OLD):
        parts = [host.removesuffix(_AZURE_OLD), *parts]
    parts = [each for each in parts if each not in ("defaultcollection", "_optimized", "_full")]
    for mark in ("_git", "_ssh"):
        if mark in parts:
            place = parts.index(mark)
            before, after = parts[:place], parts[place + 1 : place + 2]
            return [*before, *after] if len(before) > 1 else [*before, *after, *after]
    return parts


def _bitbucket_server(parts: list[str]) -> list[str]:
    """Project and repository, from the URL of a clone or of a page; an ``ssh`` URL has nothing else."""
    if parts[-3:-2] == ["scm"]:
        return parts[-2:]
    for mark, sign in (("projects", ""), ("users", "~")):
        place = parts.index(mark) if mark in parts else len(parts)
        if parts[place + 2 : place + 3] == ["repos"] and len(parts) > place + 3:
            return [f"{sign}{parts[place + 1]}", parts[place + 3]]
    return parts


def _without_page(host: str, parts: list[str]) -> list[str]:
    """The repository, from the URL of one of its pages."""
    if host in _OWNER_AND_NAME:
        return [each.removesuffix(".git") for each in parts[:2]]
    return parts[: parts.index("-")] if "-" in parts[2:] else parts
