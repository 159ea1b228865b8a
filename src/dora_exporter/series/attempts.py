"""The attempts to deploy of one series that did not succeed: they make it known, and count as attempts only."""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from operator import attrgetter

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.updates import Updates
from dora_exporter.dora.measures import DeploymentFacts

_finished_at = attrgetter("finished_at")


class Attempts:
    """The attempts of one series. One counts from its finished_at until it is older than the retention."""

    __slots__ = ("_counted", "_present", "_retention_ms", "_updates", "due", "held")

    def __init__(self, updates: Updates, *, retention_ms: int) -> None:
        """No attempt. ``due`` is a heap of the moments at which one of those ``held`` begins or ceases to count."""
        self._updates = updates
        self._retention_ms = retention_ms
        self.held: dict[str, Deployment] = {}
        self._present: dict[str, None] = {}
        self._counted: dict[str, None] = {}
        self.due: list[tuple[int, str]] = []

    def adding(self, attempt: Deployment, now_ms: int) -> Iterator[None]:
        """Adds an attempt."""
        self.held[attempt.id] = attempt
        yield from self._advancing(attempt, now_ms)

    def removing(self, attempt: Deployment) -> Iterator[None]:
        """Takes out an attempt that was added."""
        yield from self._placing(attempt, is_present=False, is_counted=False)
        del self.held[attempt.id]

    def seeking(self, now_ms: int, *, backwards: bool) -> Iterator[None]:
        """Brings all to a moment, one at a step."""
        if backwards:
            # A clock was set back: what had begun to count, or ceased to, is in the queue no more.
            for attempt in self.held.values():
                yield from self._advancing(attempt, now_ms)
                yield
        while self.due and self.due[0][0] <= now_ms:
            # One that was removed and added again is in it twice, but told once: places are compared.
            due = self.held.get(heappop(self.due)[1])
            if due:
                yield from self._advancing(due, now_ms)
            yield

    def present(self) -> list[Deployment]:
        """The attempts that make the series known."""
        return [self.held[each] for each in self._present]

    def counted(self) -> Iterator[tuple[Deployment, DeploymentFacts]]:
        """The attempts that count, with their facts."""
        yield from ((self.held[each], DeploymentFacts.of(self.held[each])) for each in self._counted)

    def newest_first(self) -> Iterable[Deployment]:
        """All of them in order."""
        return sorted(self.held.values(), key=_finished_at, reverse=True)

    def reason(self, attempt: Deployment) -> str | None:
        """Why one does not count, not even as an attempt; None if it does."""
        if attempt.id in self._counted:
            return None
        return "finishes later" if attempt.id in self._present else "is older than the retention"

    def _advancing(self, attempt: Deployment, now_ms: int) -> Iterator[None]:
        last = attempt.finished_at + self._retention_ms
        is_counted = attempt.finished_at <= now_ms <= last
        yield from self._placing(attempt, is_present=now_ms <= last, is_counted=is_counted)
        if now_ms <= last:
            heappush(self.due, (last + 1 if is_counted else attempt.finished_at, attempt.id))

    def _placing(self, attempt: Deployment, *, is_present: bool, is_counted: bool) -> Iterator[None]:
        """Tells what changes when an attempt is present, and counted, or no longer."""
        if is_present != (attempt.id in self._present):
            self._updates.presence([attempt], 1 if is_present else -1)
            _toggle(self._present, attempt.id)
        if is_counted != (attempt.id in self._counted):
            facts = DeploymentFacts.of(attempt)
            _toggle(self._counted, attempt.id)
            yield from self._updates.deployment(attempt, None if is_counted else facts, facts if is_counted else None)


def _toggle(ids: dict[str, None], id_: str) -> None:
    """Puts an id in, or takes it out. An empty dictionary takes less memory than an empty set."""
    if id_ in ids:
        del ids[id_]
    else:
        ids[id_] = None
