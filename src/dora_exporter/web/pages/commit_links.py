"""The addresses of a commit, and of all since another, at the hosts whose addresses are known."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from dora_exporter.dora.repository_names import key

_SHA = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True)
class _Paths:
    """Where a repository has a ``commit``, and what came since a base: ``compare``."""

    commit: str
    compare: str


_GITEA = _Paths("commit/{sha}", "compare/{base}...{sha}")
_HOSTS = {
    "github.com": _Paths("commit/{sha}", "compare/{base}...{sha}"),
    "gitlab.com": _Paths("-/commit/{sha}", "-/compare/{base}...{sha}"),
    "codeberg.org": _GITEA,
    "gitea.com": _GITEA,
    "bitbucket.org": _Paths("commits/{sha}", "branches/compare/{sha}..{base}"),
    "dev.azure.com": _Paths("commit/{sha}", "branchCompare?baseVersion=GC{base}&targetVersion=GC{sha}&_a=commits"),
}
_BITBUCKET_SERVER = _Paths("commits/{sha}", "compare/commits?targetBranch={base}&sourceBranch={sha}")
_OF_BITBUCKET_SERVER = re.compile(
    r"(?P<before>(?:[^/]+/){1,2})(?:scm/(?P<owner>[^/]+)|(?P<kind>projects|users)/(?P<named>[^/]+)/repos)/(?P<name>[^/]+)"
)
"""A host, perhaps with a path before all pages, then the path of a clone over HTTP or of a page: no other has these."""


def commit_link(repository: str | None, sha: str | None) -> str | None:
    """Where to read a commit of a repository such as ``github.com/acme/shop``; None where that is not known."""
    found = _found(repository, sha)
    return f"{found[0]}/{found[1].commit.format(sha=sha)}" if found else None


def compare_link(repository: str | None, base: str | None, sha: str | None) -> str | None:
    """Where to read the commits since another one, which is the base; None where that is not known."""
    found = _found(repository, sha) if _SHA.fullmatch(base or "") else None
    return f"{found[0]}/{found[1].compare.format(base=base, sha=sha)}" if found else None


def _found(repository: str | None, sha: str | None) -> tuple[str, _Paths] | None:
    """The page of a repository, and the paths below it, if its host is known and the SHA may be one."""
    if not repository or not _SHA.fullmatch(sha or ""):
        return None
    host, *parts = key(repository).split("/")
    if host in _HOSTS and len(parts) > 1:
        parts[-1:] = ["_git", parts[-1]] if host == "dev.azure.com" else parts[-1:]
        return f"https://{host}/{quote('/'.join(parts))}", _HOSTS[host]
    server = _OF_BITBUCKET_SERVER.match(unquote(repository))
    return (_page_of_bitbucket_server(server), _BITBUCKET_SERVER) if server else None


def _page_of_bitbucket_server(found: re.Match[str]) -> str:
    owner = found["owner"] or found["named"]
    kind = found["kind"] or ("users" if owner.startswith("~") else "projects")
    return f"https://{quote(found['before'])}{kind}/{quote(owner.removeprefix('~'))}/repos/{quote(found['name'])}"
