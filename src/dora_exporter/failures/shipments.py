"""Which deployment of a series shipped a commit first."""

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterator, Sequence

from dora_exporter.events import MINUTE_MS, Commit, Deployment
from dora_exporter.failures.mentions import commits_of, numbers, subjects, titles
from dora_exporter.failures.order import finish_order
from dora_exporter.repository_parts import parts_of

CLOCK_SKEW_MS = 5 * MINUTE_MS
"""So far may an author's clock be ahead: the lead time is then 0."""


class Shipments:
    """The deployments by what they shipped: SHAs and the first lines of commit messages."""

    __slots__ = ("_by_mark",)

    def __init__(self) -> None:
        """Nothing was shipped."""
        self._by_mark: dict[Hashable, list[Deployment]] = {}

    def add(self, deployment: Deployment) -> list[Deployment]:
        """Adds a deployment; returns those that are no longer the first to ship one of its commits."""
        overtaken = {}
        for mark in marks_of(deployment):
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
            elif was_first:
                promoted[held[0].id] = held[0]
        return list(promoted.values())

    def with_mark(self, mark: Hashable) -> Sequence[Deployment]:
        """Those that shipped a commit with a mark, in order of finish."""
        return self._by_mark.get(mark, ())

    def first_shipped(self, deployment: Deployment) -> Iterator[tuple[Commit, int]]:
        """The commits that count and that a deployment was the first to ship, with their lead times in milliseconds.

        A lead time is the deployment's finished_at minus the commit's author time. It is negative when the author's
        clock was ahead; ``CLOCK_SKEW_MS`` says how much of that still counts.
        """
        if deployment.shipped is None and deployment.commits is None:
            return
        for mark, commit in dict(reversed([*_marked(deployment)])).items():
            if self._by_mark[mark][0] is deployment and not commit.is_left_out:
                yield commit, deployment.finished_at - commit.authored_at

    def samples(self, deployment: Deployment) -> Iterator[tuple[Commit, int]]:
        """Those of them that count: a lead time that a wrong clock made negative is 0, or too long to be kept."""
        for commit, value in self.first_shipped(deployment):
            if value >= -CLOCK_SKEW_MS:
                yield commit, max(0, value)


def marks_of(deployment: Deployment) -> Iterator[Hashable]:
    """By what that which it shipped can be found, each mark once."""
    if deployment.commits is None and deployment.shipped is None:
        return
    marks: dict[Hashable, None] = {}
    for mark, commit in _marked(deployment):
        marks[mark] = None
        if commit.via:
            marks["via", commit.via] = None
    for subject in (*subjects(deployment), *titles(deployment)):
        marks["subject", subject] = None
    for number in numbers(deployment):
        marks["number", number] = None
    yield from marks


def _marked(deployment: Deployment) -> Iterator[tuple[Hashable, Commit]]:
    """The commits that it shipped, each with what makes it one with another: its SHA.

    Where two of its repositories have the same commit, it shipped both.
    """
    if deployment.shipped is None or not deployment.shipped.further or deployment.commits is not None:
        for commit in commits_of(deployment):
            yield ("sha", commit.sha), commit
        return
    elsewhere: set[str] = set()
    for part in parts_of(deployment.shipped):
        for commit in part.commits:
            yield ("sha", part.repository, commit.sha) if commit.sha in elsewhere else ("sha", commit.sha), commit
        elsewhere.update(commit.sha for commit in part.commits)
