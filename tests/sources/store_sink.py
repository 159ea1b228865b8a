"""A sink that writes straight into a store, and counts what a source says about its rows."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.records import Cursor
from dora_exporter.dora.store import EventStore
from dora_exporter.sources.contract import Item, Memory


@dataclass
class StoreSink:
    """The ``Sink`` of the source named ``source``; ``written`` keeps each page."""

    source: str
    store: EventStore = field(default_factory=EventStore)
    written: list[Sequence[Item]] = field(default_factory=list)
    skipped: int = 0
    overflowed: int = 0
    quarantined: list[object] = field(default_factory=list)
    clamped: list[str] = field(default_factory=list)

    async def write(self, items: Sequence[Item]) -> None:
        self.written.append(items)
        for item in items:
            self.store.apply(item)

    async def flush(self) -> None:
        return None

    def skip(self, count: int = 1) -> None:
        self.skipped += count

    def quarantine(self, upstream_id: object, reason: str) -> None:
        assert reason
        self.quarantined.append(upstream_id)

    def clamp(self, event_id: str) -> None:
        self.clamped.append(event_id)

    def overflow(self, count: int = 1) -> None:
        self.overflowed += count

    def deployment(self, event_id: str) -> Deployment | None:
        return self.store.deployments.get(event_id)

    def incident(self, event_id: str) -> Incident | None:
        return self.store.incidents.get(event_id)

    async def deployments(self) -> Sequence[Deployment]:
        return self._deployments()

    def deployments_to(self, target: str) -> Iterator[Deployment]:
        mine = (each for each in self._deployments() if (each.upstream or {}).get("target") == target)
        return iter(sorted(mine, key=lambda each: each.started_at, reverse=True))

    async def incidents(self) -> AsyncIterator[Incident]:
        for each in self.open_incidents():
            yield each

    def open_incidents(self) -> Iterable[Incident]:
        return [each for each in self.store.incidents.values() if each.source == self.source]

    def incidents_about(self, subject: str) -> Sequence[Incident]:
        return [each for each in self.store.incidents.values() if each.id.rpartition(":")[0] == subject]

    def noted(self) -> Memory:
        return self.store.cursors.get(f"{self.source}:note", {})

    def note(self, memory: Memory) -> Item:
        return Cursor(f"{self.source}:note", memory)

    def _deployments(self) -> Sequence[Deployment]:
        return [each for each in self.store.deployments.values() if each.source == self.source]
