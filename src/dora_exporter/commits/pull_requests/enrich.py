"""Commits with the pull requests that brought them in, and squash commits with what was squashed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from dora_exporter.commits.providers.contract import Merged, PullRequests
from dora_exporter.commits.shipped_commits.excluded_authors import NO_EXCLUSIONS, Authors
from dora_exporter.commits.shipped_commits.rule import MAX_COMMITS
from dora_exporter.dora.events import Commit, PullRequest, Shipped

ASKED_AT_MOST = 500
"""So many commits of a deployment are asked for one by one; further ones count as pushed without a pull request."""


async def with_pull_requests(shipped: Shipped, provider: PullRequests, authors: Authors = NO_EXCLUSIONS) -> Shipped:
    """What a deployment shipped, with pull requests. Raises what the provider raises.

    ``authors`` says whose commits are left out of those that a squash stands for.
    """
    search = _Search(provider, authors)
    commits = [each for commit in shipped.commits for each in await search.of(commit)]
    if len(commits) > MAX_COMMITS:
        commits = [_marked(commit, search.known.get(commit.sha)) for commit in shipped.commits]
    excluded = {*shipped.excluded, *search.excluded}
    return replace(
        shipped,
        commits=tuple(commits),
        pull_requests=tuple(search.found),
        excluded=tuple(commit.sha for commit in commits if commit.sha in excluded),
    )


def outline(shipped: Shipped | None) -> Shipped | None:
    """What Git alone said: two results with the same outline differ at most in what providers added."""
    if shipped is None:
        return None
    stood_for = dict.fromkeys(commit.via or commit.sha for commit in shipped.commits)
    return replace(shipped, commits=tuple(Commit(sha, 0) for sha in stood_for), pull_requests=(), excluded=())


@dataclass
class _Search:
    provider: PullRequests
    authors: Authors
    found: list[PullRequest] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)
    excluded: set[str] = field(default_factory=set)
    asked: int = 0

    async def of(self, commit: Commit) -> Sequence[Commit]:
        """The commit with its pull request, or the commits that it stands for."""
        place = self.known.get(commit.sha)
        if place is not None or self.asked >= ASKED_AT_MOST:
            return [_marked(commit, place)]
        self.asked += 1
        merged = await self.provider.bringing(commit.sha)
        if merged is None:
            return [commit]
        place = self._place(merged, commit)
        if not _is_squash(merged, commit):
            return [_marked(commit, place)]
        pairs = zip(merged.commits, merged.authors, strict=True)
        self.excluded.update(each.sha for each, author in pairs if self.authors.excludes(author))
        return [replace(each, via=commit.sha, pull_request=place) for each in merged.commits]

    def _place(self, merged: Merged, commit: Commit) -> int:
        if merged.pull_request not in self.found:
            self.found.append(merged.pull_request)
        place = self.found.index(merged.pull_request)
        for sha in (commit.sha, *(each.sha for each in merged.commits)):
            self.known.setdefault(sha, place)
        return place


def _is_squash(merged: Merged, commit: Commit) -> bool:
    """Whether a commit stands for those of the branch: made by the merge, and none of them under another name.

    A rebase keeps author times and words, a squash makes new ones.
    """
    return (
        merged.merge_sha == commit.sha
        and bool(merged.commits)
        and all(
            each.sha != commit.sha and (each.authored_at, each.subject) != (commit.authored_at, commit.subject)
            for each in merged.commits
        )
    )


def _marked(commit: Commit, place: int | None) -> Commit:
    return commit if place is None else replace(commit, pull_request=place)
