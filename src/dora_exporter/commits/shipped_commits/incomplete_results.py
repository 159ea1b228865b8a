"""Deployments whose commits are known, but perhaps not all of them, or not all that their SHAs reach."""

from collections.abc import Collection, Iterator, Mapping

from dora_exporter.commits.shipped_commits.deployment_sequence import SequenceKey
from dora_exporter.commits.shipped_commits.rule import has_passed_over, needs_no_commit
from dora_exporter.dora.events import Deployment

_IdsBySequence = dict[SequenceKey, set[str]]


class IncompleteResults:
    """Three kinds: ``partial`` results were cut off at a hole in the history; others passed an unknown commit over.

    Of the third kind are deployments that need no commit, until theirs is seen: it may be missing in later results.
    """

    def __init__(self) -> None:
        """Starts empty."""
        self._partial: _IdsBySequence = {}
        self._passed_over: _IdsBySequence = {}
        self._unseen: dict[SequenceKey, dict[str, str]] = {}

    def note(self, key: SequenceKey, deployment: Deployment) -> None:
        """Notes what the result of a deployment lacks, if it lacks anything."""
        shipped = deployment.shipped
        _set(self._partial, key, deployment.id, is_in=shipped is not None and shipped.partial)
        _set(self._passed_over, key, deployment.id, is_in=has_passed_over(deployment))
        if needs_no_commit(deployment):
            self._unseen.setdefault(key, {})[deployment.id] = deployment.commit_sha or ""
        else:
            self.see(key, (deployment.id,))

    def remove(self, key: SequenceKey, deployment_id: str) -> None:
        """Removes a deployment."""
        for ids in (self._partial, self._passed_over):
            _set(ids, key, deployment_id, is_in=False)
        self.see(key, (deployment_id,))

    def see(self, key: SequenceKey, deployment_ids: Collection[str]) -> None:
        """Forgets that the SHAs of deployments were not seen."""
        shas = self._unseen.get(key, {})
        for each in deployment_ids:
            shas.pop(each, None)
        if not shas:
            self._unseen.pop(key, None)

    def unseen(self, repository: str) -> Iterator[tuple[SequenceKey, Mapping[str, str]]]:
        """The SHAs of a repository that were not seen though their deployments need nothing more, by deployment."""
        for key, shas in self._unseen.items():
            if key.repository == repository:
                yield key, shas.copy()

    def passed_over(self, repository: str) -> Iterator[tuple[SequenceKey, str]]:
        """The deployments of a repository that any news of it may change."""
        return _of(self._passed_over, repository)

    def partial(self, repository: str) -> Iterator[tuple[SequenceKey, str]]:
        """The deployments of a repository whose results were cut off."""
        return _of(self._partial, repository)


def _set(ids: _IdsBySequence, key: SequenceKey, deployment_id: str, *, is_in: bool) -> None:
    if is_in:
        ids.setdefault(key, set()).add(deployment_id)
    elif key in ids:
        ids[key].discard(deployment_id)


def _of(ids: _IdsBySequence, repository: str) -> Iterator[tuple[SequenceKey, str]]:
    for key, some in ids.items():
        if key.repository == repository:
            yield from ((key, each) for each in tuple(some))
