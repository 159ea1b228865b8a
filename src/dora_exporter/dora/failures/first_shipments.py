"""Which deployment of a series shipped a commit first."""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterator, Sequence

from dora_exporter.dora.events import MINUTE_MS, Commit, Deployment
from dora_exporter.dora.failures.abbreviations import Abbreviations
from dora_exporter.dora.failures.commit_text import Mark, marked_commits, marks_of
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.repository_parts import excluded_of

_SHAS = ("sha", "via", "merge")

CLOCK_SKEW_MS = 5 * MINUTE_MS
"""So far may an author's clock be ahead: the lead time is then 0."""


class FirstShipments:
    """The deployments by what they shipped: SHAs and the first lines of commit messages."""

    __slots__ = ("_abbreviations", "_by_mark")

    def __init__(self) -> None:
        """Nothing was shipped."""
        self._by_mark: dict[Mark, list[Deployment]] = {}
        self._abbreviations: Abbreviations | None = None

    def add(self, deployment: Deployment) -> list[Deployment]:
        """Adds a deployment; returns those that are no longer the first to ship one of its commits."""
        overtaken = {}
        for mark in marks_of(deployment):
            if mark not in self._by_mark and self._abbreviations and mark[0] in _SHAS:
                self._abbreviations.add(mark[-1])
            held = self._by_mark.setdefault(mark, [])
            first = held[0] if held else None
            insort(held, deployment, key=finish_order)
            if first and held[0] is deployment:
                overtaken[first.id] = first
        return list(overtaken.values())

    def remove(self, deployment: Deployment) -> list[Deployment]:
        """Takes out a deployment; returns those that are now the first to ship one of its commits."""
        promoted = {}
        for mark in marks_of(deployment):
            held = self._by_mark[mark]
            was_first = held[0] is deployment
            del held[bisect_left(held, finish_order(deployment), key=finish_order)]
            if not held:
                del self._by_mark[mark]
                self._forget(mark)
            elif was_first:
                promoted[held[0].id] = held[0]
        return list(promoted.values())

    def with_mark(self, mark: Mark) -> Sequence[Deployment]:
        """Those that shipped a commit with a mark, in order of finish."""
        return self._by_mark.get(mark, ())

    def first_with_sha(self, sha: str) -> Deployment | None:
        """The first that shipped a commit of that SHA, its merge, or the squash commit of that SHA."""
        firsts = [held[0] for kind in _SHAS for held in [self._by_mark.get((kind, sha))] if held]
        return min(firsts, key=finish_order, default=None)

    def abbreviated(self, sha: str) -> Collection[str]:
        """All SHAs that begin so."""
        if self._abbreviations is None:
            self._abbreviations = Abbreviations(mark[-1] for mark in self._by_mark if mark[0] in _SHAS)
        return self._abbreviations.find(sha)

    def _forget(self, mark: Mark) -> None:
        """Nothing has a mark any more."""
        kind, name = mark[0], mark[-1]
        if self._abbreviations and kind in _SHAS and not any((other, name) in self._by_mark for other in _SHAS):
            self._abbreviations.discard(name)

    def first_shipped(self, deployment: Deployment) -> Iterator[tuple[Commit, int]]:
        """The commits that count and that a deployment was the first to ship, with their lead times in milliseconds.

        A lead time is the deployment's finished_at minus the commit's author time. It is negative when the author's
        clock was ahead; ``CLOCK_SKEW_MS`` says how much of that still counts.
        """
        if deployment.shipped is None and deployment.commits is None:
            return
        excluded = excluded_of(deployment)
        for mark, commit in dict(reversed([*marked_commits(deployment)])).items():
            if self._by_mark[mark][0] is deployment and commit.sha not in excluded:
                yield commit, deployment.finished_at - commit.authored_at

    def samples(self, deployment: Deployment) -> Iterator[tuple[Commit, int]]:
        """Those of them that count: a lead time that a wrong clock made negative is 0, or too long to be kept."""
        for commit, value in self.first_shipped(deployment):
            if value >= -CLOCK_SKEW_MS:
                yield commit, max(0, value)
