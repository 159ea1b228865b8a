"""The addresses of a commit, and of all since another, at the hosts whose addresses are known."""

import re
from collections.abc import Mapping
from urllib.parse import quote

_PATHS = {"github.com": "commit", "gitlab.com": "-/commit", "bitbucket.org": "commits", "codeberg.org": "commit"}
_COMPARES = {"github.com": "compare", "gitlab.com": "-/compare", "codeberg.org": "compare"}
_SHA = re.compile(r"[0-9a-f]{7,64}")


def commit_link(repository: str | None, sha: str | None) -> str | None:
    """Where to read a commit of a repository such as ``github.com/acme/shop``; None where that is not known."""
    return _address(_PATHS, repository, sha)


def compare_link(repository: str | None, base: str | None, sha: str | None) -> str | None:
    """Where to read the commits since another one, which is the base; None where that is not known."""
    link = _address(_COMPARES, repository, base)
    return f"{link}...{sha}" if link and _SHA.fullmatch(sha or "") else None


def _address(paths: Mapping[str, str], repository: str | None, sha: str | None) -> str | None:
    host, _, path = (repository or "").partition("/")
    if not path or host not in paths or not _SHA.fullmatch(sha or ""):
        return None
    return f"https://{host}/{quote(path)}/{paths[host]}/{sha}"
