"""Schedules the deployments whose commits are to be resolved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dora_exporter.commits.shipped_commits.deployment_sequence import Disturbance, LineKey
from dora_exporter.dora.events import DAY_MS, MINUTE_MS

RETRY_MS = 20_000
"""The shortest pause between two attempts."""

_OFTEN_FOR_MS = 10 * MINUTE_MS
_LATER_MS = 5 * MINUTE_MS
_RARELY_MS = 60 * MINUTE_MS


@dataclass
class Wait:
    """Since when a deployment's commits are asked for, and when they are next.

    ``due_ms`` is None when nothing but news of its repository makes that worth while.
    """

    since_ms: int
    due_ms: int | None


@dataclass
class Due:
    """What of one line has to be looked at now."""

    waits: dict[str, Wait] = field(default_factory=dict)
    disturbances: list[Disturbance] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.waits or self.disturbances)


class WaitingRoom:
    """The deployments whose commits are not known, by repository and line."""

    def __init__(self, *, give_up_after_ms: int) -> None:
        """``give_up_after_ms`` is the age at which waiting for an unknown commit ends."""
        self._give_up_after_ms = give_up_after_ms
        self._lines: dict[str, dict[LineKey, Due]] = {}
        self._next_ms: dict[str, int] = {}
        self.waiting = 0
        self.unknown = 0

    def ask(self, key: LineKey, deployment_id: str, wait: Wait) -> None:
        """Has a deployment looked at when its wait is due; a wait that it had before ends."""
        self.leave(key, deployment_id)
        self._due(key).waits[deployment_id] = wait
        self._count(wait, 1)
        if wait.due_ms is not None:
            self._sooner(key.repository, wait.due_ms)

    def holds(self, key: LineKey, deployment_id: str) -> bool:
        """Whether a deployment waits."""
        due = self._lines.get(key.repository, {}).get(key)
        return due is not None and deployment_id in due.waits

    def disturb(self, key: LineKey, disturbance: Disturbance, due_ms: int) -> None:
        """Has what follows a place in a line looked at, at the given moment."""
        self._due(key).disturbances.append(disturbance)
        self._sooner(key.repository, due_ms)

    def leave(self, key: LineKey, deployment_id: str) -> None:
        """Ends a wait; no harm when there is none."""
        due = self._lines.get(key.repository, {}).get(key)
        wait = due.waits.pop(deployment_id, None) if due else None
        if wait is not None:
            self._count(wait, -1)

    def wake(self, repository: str, now_ms: int) -> None:
        """Has all deployments of a repository looked at, also those that were given up."""
        for due in self._lines.get(repository, {}).values():
            for wait in due.waits.values():
                self._count(wait, -1)
                wait.due_ms = now_ms
                self._count(wait, 1)
            self._sooner(repository, now_ms)

    def repositories(self, now_ms: int) -> list[str]:
        """Those of which something is due."""
        return [repository for repository, moment in self._next_ms.items() if has_come(moment, now_ms)]

    def take(self, repository: str, now_ms: int) -> Mapping[LineKey, Due]:
        """Takes out what is due of a repository."""
        lines = self._lines.get(repository, {})
        taken = {}
        for key, due in list(lines.items()):
            ready = {
                each: wait
                for each, wait in due.waits.items()
                if wait.due_ms is not None and has_come(wait.due_ms, now_ms)
            }
            if ready or due.disturbances:
                taken[key] = Due(ready, due.disturbances)
                due.disturbances = []
            for each, wait in ready.items():
                del due.waits[each]
                self._count(wait, -1)
            if not due:
                del lines[key]
        self._plan(repository)
        return taken

    def again(self, wait: Wait, now_ms: int) -> Wait:
        """The wait that follows one in vain: at first often, then less, at last none until there is news."""
        if self.is_over(wait, now_ms):
            return Wait(wait.since_ms, None)
        return Wait(wait.since_ms, now_ms + pause_after(now_ms - wait.since_ms))

    def is_over(self, wait: Wait, now_ms: int) -> bool:
        """Whether a wait has lasted as long as it may."""
        return now_ms - wait.since_ms >= self._give_up_after_ms

    def _due(self, key: LineKey) -> Due:
        return self._lines.setdefault(key.repository, {}).setdefault(key, Due())

    def _sooner(self, repository: str, moment: int) -> None:
        self._next_ms[repository] = min(moment, self._next_ms.get(repository, moment))

    def _plan(self, repository: str) -> None:
        moments = list(_moments(self._lines.get(repository, {})))
        if moments:
            self._next_ms[repository] = min(moments)
        else:
            self._next_ms.pop(repository, None)

    def _count(self, wait: Wait, number: int) -> None:
        if wait.due_ms is None:
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


def _moments(lines: Mapping[LineKey, Due]) -> Iterator[int]:
    for due in lines.values():
        yield from (wait.due_ms for wait in due.waits.values() if wait.due_ms is not None)
