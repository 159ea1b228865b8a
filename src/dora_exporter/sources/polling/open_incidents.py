"""Which incidents of each source are open, and which are about the same subject."""

from collections.abc import Iterable, Sequence

from dora_exporter.dora.events import Deployment, Event, Incident
from dora_exporter.dora.store import Change, EventStore


class OpenIncidents:
    """Indexes the open incidents of a store and follows its changes; ``load`` reads a checkpoint's."""

    def __init__(self, store: EventStore) -> None:
        """Starts with what the store holds."""
        self._store = store
        self._ids: dict[str, dict[str, None]] = {}
        self._about: dict[str, dict[str, None]] = {}
        self.load()
        store.observe(self.observe)

    def load(self) -> None:
        """Indexes all incidents of the store."""
        for incident in self._store.incidents.values():
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


def _subject_of(incident: Incident) -> str | None:
    """What ``<source>:<subject>:<beginning>`` is about; most sources have ids of two parts, and need no index."""
    subject = incident.id.rpartition(":")[0]
    return subject if incident.source != "api" and ":" in subject else None


def _is_open(incident: Incident) -> bool:
    """An incident without service and team is left out by its source's filters."""
    return incident.finished_at is None and bool(incident.services or incident.team)
