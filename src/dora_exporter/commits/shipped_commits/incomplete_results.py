"""Deployments whose commits are known, but perhaps not all of them."""

from collections.abc import Iterator

from dora_exporter.commits.shipped_commits.deployment_sequence import SequenceKey
from dora_exporter.commits.shipped_commits.rule import has_passed_over
from dora_exporter.dora.events import Deployment

_IdsBySequence = dict[SequenceKey, set[str]]


class IncompleteResults:
    """Two kinds: ``partial`` results were cut off at a hole in the history; others passed an unknown commit over."""

    def __init__(self) -> None:
        """Starts empty."""
        self._partial: _IdsBySequence = {}
        self._passed_over: _IdsBySequence = {}

    def note(self, key: SequenceKey, deployment: Deployment) -> None:
        """Notes what the result of a deployment lacks, if it lacks anything."""
        shipped = deployment.shipped
        _set(self._partial, key, deployment.id, is_in=shipped is not None and shipped.partial)
        _set(self._passed_over, key, deployment.id, is_in=has_passed_over(deployment))

    def remove(self, key: SequenceKey, deployment_id: str) -> None:
        """Removes a deployment."""
        for ids in (self._partial, self._passed_over):
            _set(ids, key, deployment_id, is_in=False)

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
