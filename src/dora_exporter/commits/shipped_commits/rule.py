"""Which commits a deployment shipped.

A deployment ships the commits that its SHA reaches and no earlier deployment of its sequence does, without merges, at
most 5000. The first deployment of a sequence ships none, nor does one more than 60 days after its predecessor. A
sequence is the deployments of a series with commits of one repository, in order of finish. A deployment whose commit
never arrived is passed over: its commits count as shipped by the next one.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from msgspec.structs import replace

from dora_exporter.commits.git.commit_graph import Difference, ReachedCommit
from dora_exporter.commits.git.commit_object import author_of, commit_of
from dora_exporter.commits.shipped_commits.excluded_authors import NO_EXCLUSIONS, Authors
from dora_exporter.dora.events import DAY_MS, Commit, Deployment, Shipped

MAX_GAP_MS = 60 * DAY_MS
_ORIGIN = ":"
"""Separates the fingerprints of excluded authors and of names in ``Shipped.authors``."""
MAX_COMMITS = 5000
MAX_MERGES = 5000
CAUSES = ("merge", "path", "cap", "partial", "malformed")
"""Why a commit is left out."""
CAUSES_OF_NONE = ("first", "gap")
"""Why a deployment has no commits at all."""
PASSED_OVER = "passed_over"
"""How many deployments before this one were passed over."""


class Archive(Protocol):
    """The queries of the rule about a repository."""

    def knows(self, sha: str) -> bool:
        """Whether the repository holds a commit."""
        ...

    def difference(self, head: str, excluded: Iterable[str]) -> Difference:
        """The commits that ``head``, which must be here, reaches and ``excluded`` do not."""
        ...

    def contents(self, shas: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The raw commit objects by SHA."""
        ...

    def touching(self, shas: Sequence[str], patterns: Sequence[str]) -> tuple[set[str], set[str]]:
        """The commits that change a matching path, and the commits whose trees are absent."""
        ...


def shipped_by(
    deployment: Deployment,
    earlier: Sequence[Deployment],
    archive: Archive,
    patterns: Sequence[str],
    *,
    authors: Authors = NO_EXCLUSIONS,
    passes_over: bool = False,
) -> Shipped | None:
    """The commits that a deployment shipped; None while its SHA or its predecessor's is unknown.

    ``earlier`` is the sequence before it. Only commits that touch ``patterns`` count, all when there are none. Commits
    of excluded ``authors`` are marked. With ``passes_over`` the predecessor is the latest deployment of a known SHA.
    """
    if not earlier:
        return _nothing(deployment, "first")
    if deployment.finished_at - earlier[-1].finished_at > MAX_GAP_MS:
        return _nothing(deployment, "gap", _sha(earlier[-1]))
    if not archive.knows(_sha(deployment)):
        return None
    passed = _unknown_before(earlier, archive)
    if passed and not passes_over:
        return None
    if passed == len(earlier):
        return _nothing(deployment, "first", passed=passed)
    return _since(deployment, earlier, archive, patterns, passed=passed, authors=authors)


def with_origin(shipped: Shipped, origin: str | None) -> Shipped:
    """A result that also says from which names its sequence came, where there are several."""
    return shipped if origin is None else replace(shipped, authors=f"{shipped.authors or ''}{_ORIGIN}{origin}")


def is_of(shipped: Shipped, authors: str | None, origin: str | None) -> bool:
    """Whether a result was found with the same excluded authors, and in a sequence of the same names."""
    its_authors, _, its_origin = (shipped.authors or "").partition(_ORIGIN)
    return its_origin == (origin or "") and (not shipped.commits or its_authors == (authors or ""))


def has_passed_over(deployment: Deployment) -> bool:
    """Whether its commits were resolved by passing over its predecessor."""
    return deployment.shipped is not None and PASSED_OVER in deployment.shipped.left_out


def needs_no_commit(deployment: Deployment) -> bool:
    """Whether it does not wait for its SHA: its commits were listed, or it ships none whatever the SHA reaches."""
    if deployment.commits is not None:
        return True
    return deployment.shipped is not None and not deployment.shipped.left_out.keys().isdisjoint(CAUSES_OF_NONE)


def has_seen(deployment: Deployment, before: Deployment) -> bool:
    """Whether a deployment was resolved when the SHA of the one before it was known."""
    shipped = deployment.shipped
    if shipped is None or deployment.commits is not None or "gap" in shipped.left_out:
        return False
    return shipped.base == before.commit_sha


def hides(deployment: Deployment, before: Deployment) -> bool:
    """Whether it does not matter to a deployment, nor to the one before it, that the SHA of that was unknown."""
    return needs_no_commit(before) and not has_seen(deployment, before)


def _unknown_before(earlier: Sequence[Deployment], archive: Archive) -> int:
    """The number of deployments at the end of ``earlier`` whose SHAs are unknown."""
    known = (count for count, each in enumerate(reversed(earlier)) if archive.knows(_sha(each)))
    return next(known, len(earlier))


def _since(
    deployment: Deployment,
    earlier: Sequence[Deployment],
    archive: Archive,
    patterns: Sequence[str],
    *,
    passed: int,
    authors: Authors,
) -> Shipped:
    """The commits shipped since the latest deployment that is not passed over."""
    before = earlier[-1 - passed]
    if deployment.finished_at - before.finished_at > MAX_GAP_MS:
        return _nothing(deployment, "gap", _sha(before), passed=passed)
    difference = archive.difference(_sha(deployment), {_sha(each) for each in earlier})
    commits, excluded, left_out = _chosen(difference, archive, patterns, authors)
    shipped = _shipped(deployment, _sha(before), commits, {**left_out, PASSED_OVER: passed})
    return replace(shipped, merges=_merges(difference, archive), excluded=excluded, authors=authors.fingerprint)


def _merges(difference: Difference, archive: Archive) -> tuple[Commit, ...]:
    """The newest merges: they have no lead time, but a revert of merged work names them."""
    shas = [reached.sha for reached in difference.commits if _is_merge(reached)][:MAX_MERGES]
    read = [commit_of(sha, raw) for sha, raw in archive.contents(shas)] if shas else []
    return tuple(commit for commit in read if commit is not None)


def _chosen(
    difference: Difference, archive: Archive, patterns: Sequence[str], authors: Authors
) -> tuple[tuple[Commit, ...], tuple[str, ...], dict[str, int]]:
    """The commits, newest first; the SHAs of excluded authors' commits; the number of dropped commits by cause."""
    single = [reached.sha for reached in difference.commits if not _is_merge(reached)]
    touching, unknown = archive.touching(single, patterns) if patterns and single else (set(single), set[str]())
    matching = [sha for sha in single if sha in touching]
    newest = matching[:MAX_COMMITS]
    read = [(commit_of(sha, raw), author_of(raw)) for sha, raw in archive.contents(newest)] if newest else []
    commits = tuple(commit for commit, _ in read if commit is not None)
    excluded = tuple(commit.sha for commit, author in read if commit is not None and authors.excludes(author))
    return (
        commits,
        excluded,
        {
            "merge": len(difference.commits) - len(single),
            "path": len(single) - len(matching) - len(unknown),
            "cap": len(matching) - len(newest),
            "partial": difference.absent + len(unknown),
            "malformed": len(newest) - len(commits),
        },
    )


def _is_merge(reached: ReachedCommit) -> bool:
    return reached.parents > 1


def _nothing(deployment: Deployment, cause: str, base: str | None = None, *, passed: int = 0) -> Shipped:
    return _shipped(deployment, base, (), {cause: 1, PASSED_OVER: passed})


def _shipped(
    deployment: Deployment, base: str | None, commits: tuple[Commit, ...], left_out: dict[str, int]
) -> Shipped:
    return Shipped(
        repository=deployment.repository or "",
        commit_sha=_sha(deployment),
        commits=commits,
        base=base,
        left_out={cause: count for cause, count in left_out.items() if count},
        partial=left_out.get("partial", 0) > 0,
    )


def _sha(deployment: Deployment) -> str:
    return deployment.commit_sha or ""
