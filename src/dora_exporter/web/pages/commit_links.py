"""The address of a commit at the hosts whose addresses are known."""

import re
from urllib.parse import quote

_PATHS = {"github.com": "commit", "gitlab.com": "-/commit", "bitbucket.org": "commits", "codeberg.org": "commit"}
_SHA = re.compile(r"[0-9a-f]{7,64}")


def commit_link(repository: str | None, sha: str | None) -> str | None:
    """Where to read a commit of a repository such as ``github.com/acme/shop``; None where that is not known."""
    host, _, path = (repository or "").partition("/")
    if not path or host not in _PATHS or not _SHA.fullmatch(sha or ""):
        return None
    return f"https://{host}/{quote(path)}/{_PATHS[host]}/{sha}"
