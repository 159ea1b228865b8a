"""Schedules the attempts to resolve the commits of deployments."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dora_exporter.commits.shipped_commits.deployment_sequence import SequenceChange, SequenceKey
from dora_exporter.dora.events import DAY_MS, MINUTE_MS

RETRY_MS = 20_000
"""The shortest pause between two attempts."""

_OFTEN_FOR_MS = 10 * MINUTE_MS
_LATER_MS = 5 * MINUTE_MS
_RARELY_MS = 60 * MINUTE_MS


@dataclass
class Retry:
    """The moment since which the commits of a deployment are unknown, and that of the next attempt.

    ``due_ms`` is None once it was given up: only news of its repository causes another attempt.
    """

    since_ms: int
    due_ms: int | None


@dataclass
class Due:
    """The deployments and the changes of a sequence that are to be resolved."""

    retries: dict[str, Retry] = field(default_factory=dict)
    changes: list[SequenceChange] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything is."""
        return bool(self.retries or self.changes)


class RetryQueue:
    """The deployments whose commits are unknown, by repository and sequence."""

    def __init__(self, *, give_up_after_ms: int) -> None:
        """``give_up_after_ms`` is the age at which a deployment with an unknown commit is given up."""
        self._give_up_after_ms = give_up_after_ms
        self._sequences: dict[str, dict[SequenceKey, Due]] = {}
        self._next_ms: dict[str, int] = {}
        self.waiting = 0
        self.unknown = 0

    def put(self, key: SequenceKey, deployment_id: str, retry: Retry) -> None:
        """Schedules a deployment, in place of the attempt that it was scheduled for."""
        self.remove(key, deployment_id)
        self._due(key).retries[deployment_id] = retry
        self._count(retry, 1)
        if retry.due_ms is not None:
            self._sooner(key.repository, retry.due_ms)

    def holds(self, key: SequenceKey, deployment_id: str) -> bool:
        """Whether a deployment is scheduled."""
        due = self._sequences.get(key.repository, {}).get(key)
        return due is not None and deployment_id in due.retries

    def holds_any(self, key: SequenceKey) -> bool:
        """Whether anything of a sequence is scheduled."""
        return key in self._sequences.get(key.repository, {})

    def put_change(self, key: SequenceKey, change: SequenceChange, due_ms: int) -> None:
        """Schedules the deployments that follow a change of a sequence."""
        self._due(key).changes.append(change)
        self._sooner(key.repository, due_ms)

    def remove(self, key: SequenceKey, deployment_id: str) -> None:
        """Removes a deployment, if it is scheduled."""
        due = self._sequences.get(key.repository, {}).get(key)
        # ``_next_ms`` may be too early after this. That costs one look in vain, which plans it anew.
        retry = due.retries.pop(deployment_id, None) if due else None
        if retry is not None:
            self._count(retry, -1)

    def hasten(self, key: SequenceKey, deployment_id: str, now_ms: int) -> None:
        """Schedules a deployment for now, if it is scheduled: what it waits for may not be before it any more."""
        due = self._sequences.get(key.repository, {}).get(key)
        retry = due.retries.get(deployment_id) if due else None
        if retry is not None:
            self._reschedule(retry, now_ms)
            self._sooner(key.repository, now_ms)

    def wake(self, repository: str, now_ms: int) -> None:
        """Schedules all deployments of a repository for now, also those that were given up."""
        for due in self._sequences.get(repository, {}).values():
            for retry in due.retries.values():
                # ``since_ms`` stays, so one that was given up is tried once, and given up again.
                self._reschedule(retry, now_ms)
            self._sooner(repository, now_ms)

    def repositories(self, now_ms: int) -> list[str]:
        """The repositories with something due."""
        return [repository for repository, moment in self._next_ms.items() if has_come(moment, now_ms)]

    def pop_due(self, repository: str, now_ms: int) -> Mapping[SequenceKey, Due]:
        """Removes and returns what is due of a repository."""
        sequences = self._sequences.get(repository, {})
        found = {}
        for key, due in list(sequences.items()):
            ready = {
                each: retry
                for each, retry in due.retries.items()
                if retry.due_ms is not None and has_come(retry.due_ms, now_ms)
            }
            if ready or due.changes:
                found[key] = Due(ready, due.changes)
                due.changes = []
            for each, retry in ready.items():
                del due.retries[each]
                self._count(retry, -1)
            if not due:
                del sequences[key]
        self._plan(repository)
        return found

    def next_after(self, retry: Retry, now_ms: int) -> Retry:
        """The attempt after one that failed: at first soon, then later, at last none until there is news."""
        if self.is_over(retry, now_ms):
            return Retry(retry.since_ms, None)
        return Retry(retry.since_ms, now_ms + pause_after(now_ms - retry.since_ms))

    def is_over(self, retry: Retry, now_ms: int) -> bool:
        """Whether a deployment is given up."""
        return now_ms - retry.since_ms >= self._give_up_after_ms

    def _reschedule(self, retry: Retry, due_ms: int) -> None:
        self._count(retry, -1)
        retry.due_ms = due_ms
        self._count(retry, 1)

    def _due(self, key: SequenceKey) -> Due:
        return self._sequences.setdefault(key.repository, {}).setdefault(key, Due())

    def _sooner(self, repository: str, moment: int) -> None:
        self._next_ms[repository] = min(moment, self._next_ms.get(repository, moment))

    def _plan(self, repository: str) -> None:
        moments = list(_moments(self._sequences.get(repository, {})))
        if moments:
            self._next_ms[repository] = min(moments)
        else:
            self._next_ms.pop(repository, None)

    def _count(self, retry: Retry, number: int) -> None:
        if retry.due_ms is None:
            self.unknown += number
        else:
            self.waiting += number


def pause_after(age_ms: int) -> int:
    """How long to wait before the next attempt."""
    if age_ms < _OFTEN_FOR_MS:
        return RETRY_MS
    return _LATER_MS if age_ms < DAY_MS else _RARELY_MS


def has_come(moment: int, now_ms: int) -> bool:
    """Whether the moment of an attempt is here; one farther ahead than any pause was set by a clock that was ahead."""
    return not now_ms < moment <= now_ms + _RARELY_MS


def _moments(sequences: Mapping[SequenceKey, Due]) -> Iterator[int]:
    for due in sequences.values():
        yield from (retry.due_ms for retry in due.retries.values() if retry.due_ms is not None)
