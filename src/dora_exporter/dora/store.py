"""The current state of every event, by id, after all records of the log."""

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from typing import Any

from msgspec.structs import force_setattr, replace

from dora_exporter.dora.appearance_order import team_entry
from dora_exporter.dora.changes import Change, Observers, Outcome, outcome
from dora_exporter.dora.cursors import Cursors
from dora_exporter.dora.events import SENT, Deployment, Event, Incident, Series, same_content
from dora_exporter.dora.records import (
    RETENTION,
    Batch,
    Cursor,
    Deletion,
    EventKind,
    Judgement,
    Record,
    Resolution,
    SeriesOrder,
)
from dora_exporter.dora.repository_parts import still_true, with_part
from dora_exporter.dora.reserved import RESERVED, freed

_CREATED = Outcome.CREATED
_Place = tuple[str, str, str | None, str | None]
"""Service, environment, repository and team, which deployments repeat together."""


class EventStore:
    """The state that the log describes, which only records change. It belongs to the event loop."""

    def __init__(self) -> None:
        """An empty store."""
        self.deployments: dict[str, Deployment] = {}
        self.incidents: dict[str, Incident] = {}
        self.cursors = Cursors()
        self.tombstones: dict[tuple[EventKind, str], Deletion] = {}
        self.series_order: dict[Series, int] = {}
        """The rank of every series by first appearance; teams are in it as ``team_entry``."""
        self.expired: set[str] = set()
        """The ids that retention drops, while observers hear of it: the facts of later events do not change by that."""
        self.observers = Observers()
        self._strings: dict[str, str] = {}
        self._places: dict[_Place, _Place] = {}
        self._effects: dict[type[Record], Callable[[Any], Change | None]] = {
            Deployment: self._upsert_deployment,
            Incident: self._upsert_incident,
            Judgement: self._judge,
            Resolution: self._resolve,
            Deletion: self._delete,
            Cursor: self.cursors.write,
            SeriesOrder: self._order_series,
        }

    def restore(
        self, *, deployments: Iterable[Deployment] = (), incidents: Iterable[Incident] = (), rest: Iterable[Record] = ()
    ) -> None:
        """Fills an empty store, in parts, with what another one held; ``rest`` is what its ``rest`` gave.

        No observer is told.
        """
        defects: list[Exception] = []
        self._apply(rest, [], defects)
        if defects:
            raise defects[0]
        self.deployments.update((each.id, each) for each in deployments)
        self.incidents.update((each.id, each) for each in incidents)

    def clear(self) -> None:
        """Forgets every event and record. No observer is told."""
        for held in (self.deployments, self.incidents, self.cursors, self.tombstones, self.series_order, self._places):
            held.clear()

    def rest(self) -> Iterator[Record]:
        """Records that leave all but the events."""
        yield SeriesOrder(tuple(self.series_order))
        yield from self.tombstones.values()
        for source, state in self.cursors.items():
            yield Cursor(source, state)

    def share(self, string: str) -> str:
        """The one copy that is kept of a string."""
        return self._strings.setdefault(string, string)

    def apply(self, record: Record) -> list[Outcome]:
        """Applies a record; returns the outcomes of the events in it."""
        return self.apply_all((record,))

    def apply_all(self, records: Sequence[Record]) -> list[Outcome]:
        """Applies records in order; returns the outcomes of the events in them.

        A record that raises does not keep the others from being applied; the first error is raised at the end.
        """
        changes: list[Change] = []
        defects: list[Exception] = []
        try:
            self._apply(records, changes, defects)
        finally:
            self.observers.notify(changes)
            self.expired.clear()
        if defects:
            raise defects[0]
        # Most are created, and skip the call.
        return [_CREATED if before is None and after else outcome(before, after) for before, after in changes]

    def _apply(self, records: Iterable[Record], changes: list[Change], defects: list[Exception]) -> None:
        effects = self._effects
        for record in records:
            effect = effects.get(type(record))
            if effect is not None:
                try:
                    change = effect(record)
                except Exception as defect:  # noqa: BLE001  # the other records are durable, so they have to count
                    defects.append(defect)
                    continue
                if change is not None:
                    changes.append(change)
            elif isinstance(record, Batch):
                self._apply(record.records, changes, defects)

    def _upsert_deployment(self, event: Deployment) -> Change:
        before = self.deployments.get(event.id)
        if self._is_overtaken("deployment", event, before):
            return before, before
        if before is not None:
            event = _with_findings(event, before)
            if same_content(event, before):
                return before, before
        self._settle_in(event)
        self.deployments[event.id] = event
        return before, event

    def _upsert_incident(self, event: Incident) -> Change:
        before = self.incidents.get(event.id)
        if self._is_overtaken("incident", event, before):
            return before, before
        if same_content(event, before):
            return before, before
        self._share_strings(event)
        for service in event.services:
            self.note_series(service, event.environment)
        if event.team is not None:
            self.note_series(*team_entry(event.team, event.environment))
        self.incidents[event.id] = event
        return before, event

    def _judge(self, judgement: Judgement) -> Change:
        before = self.deployments.get(judgement.id)
        if before is None or before.verdict == judgement.verdict:
            return before, before
        after = replace(before, verdict=judgement.verdict)
        self.deployments[after.id] = after
        return before, after

    def _resolve(self, resolution: Resolution) -> Change:
        before = self.deployments.get(resolution.id)
        if before is None:
            return before, before
        shipped = None if resolution.shipped is None else with_part(before, resolution.shipped)
        if shipped == before.shipped:
            return before, before
        after = replace(before, shipped=shipped)
        self.deployments[after.id] = after
        return before, after

    def _delete(self, deletion: Deletion) -> Change:
        held: MutableMapping[str, Deployment] | MutableMapping[str, Incident]
        held = self.deployments if deletion.kind == "deployment" else self.incidents
        if deletion.source == RETENTION:
            return self._expire(held, deletion)
        before = held.pop(deletion.id, None)
        if deletion.source != SENT:
            self.tombstones[deletion.kind, deletion.id] = deletion
        return before, None

    def _expire(
        self, held: MutableMapping[str, Deployment] | MutableMapping[str, Incident], deletion: Deletion
    ) -> Change:
        before = held.get(deletion.id)
        if before is None or before.finished_at is None or before.finished_at >= deletion.at:
            return before, before
        del held[deletion.id]
        self.expired.add(deletion.id)
        return before, None

    def _order_series(self, order: SeriesOrder) -> None:
        for service, environment in order.names:
            self.note_series(freed(service), freed(environment))

    def _is_overtaken(self, kind: EventKind, event: Event, before: Event | None) -> bool:
        """Whether an upsert comes too late: the event was deleted here, or is held in a newer revision."""
        if self.tombstones and (kind, event.id) in self.tombstones:
            if event.source != SENT:
                return True
            del self.tombstones[kind, event.id]
        return (
            before is not None
            and before.revision is not None
            and event.revision is not None
            and event.revision < before.revision
        )

    def note_series(self, service: str, environment: str) -> None:
        """Records the first appearance of a series, which decides who keeps labels when there are too many."""
        if (service, environment) not in self.series_order:
            self.series_order[Series(service, environment)] = len(self.series_order)

    def _settle_in(self, event: Deployment) -> None:
        """Records the series, and shares equal strings: a million events repeat a few thousand names."""
        place = (event.service, event.environment, event.repository, event.team)
        known = self._places.get(place)
        if known is None:
            known = self._places[place] = self._new_place(*place)
        service, environment, repository, team = known
        if event.service is not service:
            force_setattr(event, "service", service)
        if event.environment is not environment:
            force_setattr(event, "environment", environment)
        if event.repository is not repository:
            force_setattr(event, "repository", repository)
        if event.team is not team:
            force_setattr(event, "team", team)
        if event.source != SENT:
            force_setattr(event, "source", self.share(event.source))

    def _new_place(self, service: str, environment: str, repository: str | None, team: str | None) -> _Place:
        service, environment, team = freed(service), freed(environment), None if team is None else freed(team)
        self.note_series(service, environment)
        if team is not None:
            self.note_series(*team_entry(team, environment))
        return (
            self.share(service),
            self.share(environment),
            None if repository is None else self.share(repository),
            None if team is None else self.share(team),
        )

    def _share_strings(self, event: Incident) -> None:
        share = self.share
        services = event.services
        if RESERVED in services:
            services = tuple(sorted({*map(freed, services)}))
        force_setattr(event, "services", tuple(map(share, services)))
        force_setattr(event, "environment", share(freed(event.environment)))
        if event.source != SENT:
            force_setattr(event, "source", share(event.source))
        if event.repository is not None:
            force_setattr(event, "repository", share(event.repository))
        if event.team is not None:
            force_setattr(event, "team", share(freed(event.team)))


def _with_findings(event: Deployment, before: Deployment) -> Deployment:
    """A deployment that was sent again, with its verdict and the commits that were found since."""
    if before.verdict is not None:
        event = replace(event, verdict=before.verdict)
    shipped = still_true(before.shipped, event)
    return event if shipped is None else replace(event, shipped=shipped)
