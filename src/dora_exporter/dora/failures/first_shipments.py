"""Finds the deployment of a series that shipped a commit first."""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Sequence

from dora_exporter.dora.events import MINUTE_MS, Commit, Deployment
from dora_exporter.dora.failures.abbreviations import Abbreviations
from dora_exporter.dora.failures.commit_text import LookupKey, keyed_commits, keys_of
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.repository_parts import excluded_of
from dora_exporter.dora.sorted_in_steps import Steps

_SHAS = ("sha", "via", "merge")
_PER_STEP = 1000

CLOCK_SKEW_MS = 5 * MINUTE_MS
"""How far an author's clock may be ahead; such a lead time is 0."""


class FirstShipments:
    """An index of deployments by what they shipped: SHAs, subjects and pull request numbers."""

    __slots__ = ("_abbreviations", "_by_key")

    def __init__(self) -> None:
        """Nothing was shipped."""
        self._by_key: dict[LookupKey, list[Deployment]] = {}
        self._abbreviations: Abbreviations | None = None

    def adding(self, deployment: Deployment) -> Steps[Iterable[Deployment]]:
        """Adds a deployment, step by step; returns those that are no longer the first to ship one of its commits."""
        overtaken = {}
        for number, key in enumerate(keys_of(deployment), 1):
            if key not in self._by_key and self._abbreviations and key[0] in _SHAS:
                self._abbreviations.add(key[-1])
            held = self._by_key.setdefault(key, [])
            first = held[0] if held else None
            insort(held, deployment, key=finish_order)
            if first and held[0] is deployment:
                overtaken[first.id] = first
            if number % _PER_STEP == 0:
                yield
        return overtaken.values()

    def removing(self, deployment: Deployment) -> Steps[Iterable[Deployment]]:
        """Removes a deployment, step by step; returns those that are now the first to ship one of its commits."""
        promoted = {}
        for number, key in enumerate(keys_of(deployment), 1):
            held = self._by_key[key]
            was_first = held[0] is deployment
            del held[bisect_left(held, finish_order(deployment), key=finish_order)]
            if not held:
                del self._by_key[key]
                self._forget(key)
            elif was_first:
                promoted[held[0].id] = held[0]
            if number % _PER_STEP == 0:
                yield
        return promoted.values()

    def with_key(self, key: LookupKey) -> Sequence[Deployment]:
        """The deployments that shipped something with a key, in order of finish."""
        return self._by_key.get(key, ())

    def first_with_sha(self, sha: str) -> Deployment | None:
        """The first deployment that shipped a SHA: of a commit, a merge or a squash commit."""
        firsts = [held[0] for kind in _SHAS for held in [self._by_key.get((kind, sha))] if held]
        return min(firsts, key=finish_order, default=None)

    def abbreviated(self, sha: str) -> Collection[str]:
        """The shipped SHAs with that beginning."""
        if self._abbreviations is None:
            self._abbreviations = Abbreviations(self._shas())
        return self._abbreviations.find(sha)

    def abbreviating(self) -> Iterator[None]:
        """Gets ready for ``abbreviated``, a step at a time, during which nothing comes or goes."""
        if self._abbreviations is None:
            self._abbreviations = yield from Abbreviations.made_in_steps(self._shas())

    def parts(self) -> Iterator[object]:
        """What it consists of."""
        yield from (self._by_key, self._abbreviations)

    def _shas(self) -> Iterator[str]:
        return (key[-1] for key in self._by_key if key[0] in _SHAS)

    def _forget(self, key: LookupKey) -> None:
        """Forgets an abbreviation when the last key of its SHA is gone."""
        kind, name = key[0], key[-1]
        if self._abbreviations and kind in _SHAS and not any((other, name) in self._by_key for other in _SHAS):
            self._abbreviations.discard(name)

    def first_shipped(self, deployment: Deployment) -> Iterator[tuple[Commit, int]]:
        """The commits that a deployment was the first to ship, with their lead times in milliseconds.

        A lead time is the deployment's finished_at minus the commit's author time. It is negative when the author's
        clock was ahead; ``CLOCK_SKEW_MS`` says how much of that still counts.
        """
        if not deployment.has_known_commits:
            return
        excluded = excluded_of(deployment)
        # Reversed, so that the first entry counts of a commit that is listed twice.
        for key, commit in dict(reversed([*keyed_commits(deployment)])).items():
            if self._by_key[key][0] is deployment and commit.sha not in excluded:
                yield commit, deployment.finished_at - commit.authored_at

    def samples(self, deployment: Deployment) -> Iterator[tuple[Commit, int]]:
        """The lead times that count: negative by at most ``CLOCK_SKEW_MS`` is 0, negative by more is dropped."""
        return counting(self.first_shipped(deployment))


def counting(lead_times: Iterable[tuple[Commit, int]]) -> Iterator[tuple[Commit, int]]:
    """Of the lead times of commits those that count."""
    return ((commit, max(0, value)) for commit, value in lead_times if value >= -CLOCK_SKEW_MS)
