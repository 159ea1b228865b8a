"""The deployments that name a commit, in order of finish, for each series and repository."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import blake2b
from operator import attrgetter
from typing import NamedTuple

import msgspec

from dora_exporter.commits.git.commit_object import is_sha
from dora_exporter.commits.git.repositories import Repositories
from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.events import Deployment, Event, Series
from dora_exporter.dora.failures.order import finish_order
from dora_exporter.dora.repository_parts import views_of

_FINGERPRINT_BYTES = 6


class SequenceKey(NamedTuple):
    """What the deployments of a sequence have in common; ``repository`` is its name in ``Repositories``."""

    series: Series
    repository: str


class SequenceChange(NamedTuple):
    """Where in a sequence a commit came, went or became known, so that what later ones shipped may have changed."""

    order: tuple[int, int, str]
    sha: str


class DeploymentSequences:
    """The sequences of all series. Deployments of repositories that are not held are left out and cost nothing."""

    def __init__(self, repositories: Repositories, catalogue: Catalogue = NO_CATALOGUE) -> None:
        """Starts empty. ``catalogue`` has the series that a deployment counts in."""
        self._repositories = repositories
        self._catalogue = catalogue
        self._sequences: dict[SequenceKey, list[Deployment]] = {}

    def concerns(self, event: Event | None) -> bool:
        """Whether an event is a deployment that names a repository that is held."""
        if not isinstance(event, Deployment):
            return False
        holds = self._repositories.holds
        return holds(event.repository or "") or any(holds(each.repository) for each in event.further)

    def views(self, event: Event | None) -> Sequence[Deployment]:
        """A deployment as that of each of its repositories; of two names of one repository the first counts."""
        if not isinstance(event, Deployment) or event.outcome:  # an attempt that did not succeed ships nothing
            return ()
        if not event.further:
            return (event,)
        views = {self._repositories.name_of(view.repository or ""): view for view in reversed(views_of(event))}
        return tuple(views.values())

    def view(self, key: SequenceKey, event: Event | None) -> Deployment | None:
        """A deployment as that of a sequence's repository; None where it does not belong to the sequence."""
        return next((view for view in self.views(event) if self.key(view) == key), None)

    def key(self, deployment: Deployment | None) -> SequenceKey | None:
        """The sequence of a view; None when it names no repository that is held or no full SHA, or is ignored."""
        if deployment is None or not deployment.repository or not self._repositories.holds(deployment.repository):
            return None
        if not is_sha(deployment.commit_sha or ""):
            return None
        series = self._catalogue.home(deployment)
        return None if series is None else SequenceKey(series, self._repositories.name_of(deployment.repository))

    def place(self, deployment: Deployment | None) -> tuple[object, ...] | None:
        """All of a view that later deployments of its sequence depend on; None outside every sequence."""
        key = self.key(deployment)
        return None if key is None or deployment is None else (key, finish_order(deployment), deployment.commit_sha)

    def load(self, deployment: Deployment) -> None:
        """Adds the views of one of many deployments; ``sort`` has to follow."""
        for view in self.views(deployment):
            key = self.key(view)
            if key is not None:
                self._sequences.setdefault(key, []).append(view)

    def sort(self) -> Iterator[tuple[SequenceKey, Sequence[Deployment]]]:
        """Sorts what was loaded, a sequence at a time, which stays as it is until the next step."""
        for key, sequence in self._sequences.items():
            sequence.sort(key=finish_order)
            yield key, sequence

    def put(self, before: Deployment | None, after: Deployment | None) -> None:
        """Replaces a view by another one; None before it is created and after it is deleted."""
        old, new = self.key(before), self.key(after)
        if old is not None and before is not None and self.has(before):
            sequence = self._sequences[old]
            del sequence[bisect_left(sequence, finish_order(before), key=finish_order)]
            if not sequence:
                del self._sequences[old]
        if new is not None and after is not None:
            insort(self._sequences.setdefault(new, []), after, key=finish_order)

    def has(self, deployment: Deployment) -> bool:
        """Whether a view is in its sequence; one that came before its repository did is not."""
        key = self.key(deployment)
        sequence = self._sequences.get(key, []) if key else []
        index = bisect_left(sequence, finish_order(deployment), key=finish_order)
        return index < len(sequence) and sequence[index].id == deployment.id

    def follower(self, key: SequenceKey, change: SequenceChange) -> Deployment | None:
        """The next deployment behind a place in a sequence."""
        sequence = self._sequences.get(key, [])
        index = bisect_right(sequence, change.order, key=finish_order)
        return sequence[index] if index < len(sequence) else None

    def sequence(self, key: SequenceKey) -> tuple[Deployment, ...]:
        """A sequence as it is now."""
        # A copy: it is read in a thread while deployments come.
        return tuple(self._sequences.get(key, ()))

    def of(self, repository: str) -> Iterator[tuple[SequenceKey, Deployment]]:
        """The deployments of a repository, as they are at the first step."""
        found = [(key, sequence.copy()) for key, sequence in self._sequences.items() if key.repository == repository]
        return ((key, each) for key, sequence in found for each in sequence)


def after(sequence: tuple[Deployment, ...], change: SequenceChange) -> tuple[Deployment, ...]:
    """The deployments behind a place in a sequence."""
    return sequence[bisect_right(sequence, change.order, key=finish_order) :]


def until(sequence: tuple[Deployment, ...], change: SequenceChange) -> tuple[Deployment, ...]:
    """The deployments before a place in a sequence."""
    return sequence[: bisect_left(sequence, change.order, key=finish_order)]


def names_of(sequence: Iterable[Deployment]) -> frozenset[tuple[str, str]]:
    """The services and environments that a sequence was sent with."""
    return frozenset(map(attrgetter("service", "environment"), sequence))


def origin(names: Collection[tuple[str, str]]) -> str | None:
    """A fingerprint of the names that a sequence was sent with; None for one."""
    if len(names) <= 1:
        return None
    return blake2b(msgspec.json.encode(sorted(names)), digest_size=_FINGERPRINT_BYTES).hexdigest()
