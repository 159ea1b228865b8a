"""The indexes in which sinks look events up by more than their ids."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence

from dora_exporter.dora.changes import Change
from dora_exporter.dora.events import SENT, Deployment, Event, Incident
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.cooperative import in_batches
from dora_exporter.sources.contract import TARGET

_Place = tuple[int, str]
"""When a deployment began, and its id."""


class Indexes:
    """What is open, and what was deployed to one target."""

    def __init__(self, store: EventStore) -> None:
        """Starts with what the store holds, and follows it."""
        self.store = store
        self.open_incidents = OpenIncidents(store)
        self.targets = Targets(store)

    async def load(self) -> None:
        """Indexes all events of the store, which a checkpoint has filled; a few milliseconds at a time."""
        await self.open_incidents.renew()
        await self.targets.renew()


class OpenIncidents:
    """Indexes the open incidents of a store and follows its changes."""

    def __init__(self, store: EventStore) -> None:
        """Starts with what the store holds."""
        self._store = store
        self._ids: dict[str, dict[str, None]] = {}
        self._about: dict[str, dict[str, None]] = {}
        self.add(store.incidents.values())
        store.observers.add(self.observe, self.renew, only_linked=True)

    async def renew(self) -> None:
        """Indexes all that the store holds anew, a few milliseconds at a time."""
        anew = OpenIncidents(EventStore())
        async for incidents in in_batches(self._store.incidents.values()):
            anew.add(incidents)
        self._ids, self._about = anew._ids, anew._about

    def add(self, incidents: Iterable[Incident]) -> None:
        """Indexes incidents of the store."""
        for incident in incidents:
            self._update(None, incident)

    def of(self, source: str) -> Iterable[Incident]:
        """The open incidents of a source that belong to a service or team."""
        return [self._store.incidents[each] for each in self._ids.get(source, ())]

    def count(self, source: str) -> int:
        """How many there are."""
        return len(self._ids.get(source, ()))

    def about(self, subject: str) -> Iterable[Incident]:
        """The polled or pushed incidents whose ids are the subject, a colon and more, if it has a colon itself."""
        return [self._store.incidents[each] for each in self._about.get(subject, ())]

    @property
    def subjects(self) -> int:
        """How many subjects there are."""
        return len(self._about)

    def observe(self, changes: Sequence[Change]) -> None:
        """Updates the index after writes."""
        for before, after in changes:
            if before is not after and not isinstance(after or before, Deployment):
                self._update(before, after)

    def _update(self, before: Event | None, after: Event | None) -> None:
        if isinstance(before, Incident):
            self._ids.get(before.source, {}).pop(before.id, None)
            if after is None:
                self._forget(before)
        if isinstance(after, Incident):
            if _is_open(after):
                self._ids.setdefault(after.source, {})[after.id] = None
            subject = _subject_of(after)
            if subject is not None:
                self._about.setdefault(subject, {})[after.id] = None

    def _forget(self, incident: Incident) -> None:
        subject = _subject_of(incident)
        if subject is not None and subject in self._about:
            self._about[subject].pop(incident.id, None)
            if not self._about[subject]:
                del self._about[subject]


class Targets:
    """Indexes the deployments whose sources name a target, and follows the store."""

    def __init__(self, store: EventStore) -> None:
        """Starts with what the store holds."""
        self._store = store
        self._places: dict[tuple[str, str], list[_Place]] = {}
        self.add(store.deployments.values())
        store.observers.add(self.observe, self.renew, only_linked=True)

    async def renew(self) -> None:
        """Indexes all that the store holds anew, a few milliseconds at a time."""
        anew = Targets(EventStore())
        async for deployments in in_batches(self._store.deployments.values()):
            anew.add(deployments)
        self._places = anew._places

    def add(self, deployments: Iterable[Deployment]) -> None:
        """Indexes deployments of the store."""
        for deployment in deployments:
            if deployment.upstream is not None:
                self._add(deployment)

    def newest_first(self, source: str, target: str) -> Iterator[Deployment]:
        """The deployments of a source to a target, by the time that they began at."""
        for _, event_id in reversed(self._places.get((source, target), [])):
            yield self._store.deployments[event_id]

    @property
    def count(self) -> int:
        """How many targets there are."""
        return len(self._places)

    def observe(self, changes: Sequence[Change]) -> None:
        """Updates the index after writes."""
        for before, after in changes:
            if before is not after:
                self._remove(before)
                self._add(after)

    def _add(self, event: Event | None) -> None:
        if isinstance(event, Deployment) and (target := target_of(event)) is not None:
            insort(self._places.setdefault((event.source, target), []), (event.started_at, event.id))

    def _remove(self, event: Event | None) -> None:
        if isinstance(event, Deployment) and (target := target_of(event)) is not None:
            places, place = self._places[event.source, target], (event.started_at, event.id)
            del places[bisect_left(places, place)]
            if not places:
                del self._places[event.source, target]


def target_of(deployment: Deployment) -> str | None:
    """The target that its source names, if it does."""
    target = deployment.upstream.get(TARGET) if deployment.upstream is not None else None
    return target if isinstance(target, str) else None


def _subject_of(incident: Incident) -> str | None:
    """What ``<source>:<subject>:<beginning>`` is about; most sources have ids of two parts, and need no index."""
    subject = incident.id.rpartition(":")[0]
    return subject if incident.source != SENT and ":" in subject else None


def _is_open(incident: Incident) -> bool:
    """An incident without service and team is left out by its source's filters."""
    return incident.finished_at is None and bool(incident.services or incident.team)
