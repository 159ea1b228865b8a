"""Every event by id, as the records of the log leave it."""

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from msgspec.structs import force_setattr, replace

from dora_exporter.events import Deployment, Event, Incident, Series, Shipped
from dora_exporter.records import Batch, Cursor, Deletion, EventKind, Judgement, Record, Resolution, SeriesOrder

_id = attrgetter("id")

Observer = Callable[[Event | None, Event | None], None]
"""Told of each write to an event with the event before and after it: None before it is created and after it is
deleted, the same object twice when the write changed nothing."""


class Outcome(enum.Enum):
    """What a write did to an event."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"


class EventStore:
    """The state that the log describes. ``apply`` is its only writer, and runs on the event loop."""

    def __init__(self) -> None:
        """An empty store."""
        self.deployments: dict[str, Deployment] = {}
        self.incidents: dict[str, Incident] = {}
        self.cursors: dict[str, dict[str, Any]] = {}
        self.tombstones: dict[tuple[EventKind, str], Deletion] = {}
        self.series_order: dict[Series, int] = {}
        self._observers: list[Observer] = []
        self._strings: dict[str, str] = {}
        self._effects: dict[type[Record], Callable[[Any], list[Outcome]]] = {
            Deployment: self._upsert_deployment,
            Incident: self._upsert_incident,
            Judgement: self._judge,
            Resolution: self._resolve,
            Deletion: self._delete,
            Cursor: self._remember,
            SeriesOrder: self._order_series,
            Batch: lambda batch: [outcome for record in batch.records for outcome in self.apply(record)],
        }

    def observe(self, observer: Observer) -> None:
        """Adds an observer of every write to an event from now on."""
        self._observers.append(observer)

    def ignore(self, observer: Observer) -> None:
        """Takes an observer out again."""
        self._observers.remove(observer)

    def restore(self, deployments: Sequence[Deployment], incidents: Sequence[Incident], rest: Iterable[Record]) -> None:
        """Fills an empty store with what another one held; ``rest`` is what its ``rest`` gave.

        No observer is told.
        """
        for record in rest:
            self.apply(record)
        self.deployments.update(zip(map(_id, deployments), deployments, strict=True))
        self.incidents.update(zip(map(_id, incidents), incidents, strict=True))

    def rest(self) -> Iterator[Record]:
        """Records that leave all but the events."""
        yield SeriesOrder(tuple(self.series_order))
        yield from self.tombstones.values()
        for source, state in self.cursors.items():
            yield Cursor(source, state)

    def share(self, string: str) -> str:
        """The one copy of a string that is held of it."""
        return self._strings.setdefault(string, string)

    def apply(self, record: Record) -> list[Outcome]:
        """Gives a record its effect; the outcomes are those of the events in it."""
        return self._effects[type(record)](record)

    def _upsert_deployment(self, event: Deployment) -> list[Outcome]:
        before = self.deployments.get(event.id)
        if self._is_overtaken("deployment", event, before):
            return self._tell(before, before)
        if before is not None:
            event = _with_what_was_learnt(event, before)
            if event == before:
                return self._tell(before, before)
        self._share_strings(event)
        self._note_series(event.service, event.environment)
        self.deployments[event.id] = event
        return self._tell(before, event)

    def _upsert_incident(self, event: Incident) -> list[Outcome]:
        before = self.incidents.get(event.id)
        if self._is_overtaken("incident", event, before):
            return self._tell(before, before)
        if event == before:
            return self._tell(before, before)
        self._share_strings(event)
        for service in event.services:
            self._note_series(service, event.environment)
        self.incidents[event.id] = event
        return self._tell(before, event)

    def _judge(self, judgement: Judgement) -> list[Outcome]:
        before = self.deployments.get(judgement.id)
        if before is None or before.verdict == judgement.verdict:
            return self._tell(before, before)
        after = replace(before, verdict=judgement.verdict)
        self.deployments[after.id] = after
        return self._tell(before, after)

    def _resolve(self, resolution: Resolution) -> list[Outcome]:
        before = self.deployments.get(resolution.id)
        shipped = resolution.shipped
        if before is None or before.shipped == shipped or not (shipped is None or _holds_for(shipped, before)):
            return self._tell(before, before)
        after = replace(before, shipped=shipped)
        self.deployments[after.id] = after
        return self._tell(before, after)

    def _delete(self, deletion: Deletion) -> list[Outcome]:
        held: dict[str, Deployment] | dict[str, Incident]
        held = self.deployments if deletion.kind == "deployment" else self.incidents
        before = held.pop(deletion.id, None)
        if deletion.source != "api":
            self.tombstones[deletion.kind, deletion.id] = deletion
        return self._tell(before, None)

    def _remember(self, cursor: Cursor) -> list[Outcome]:
        if cursor.state is None:
            self.cursors.pop(cursor.source, None)
        else:
            self.cursors[cursor.source] = cursor.state
        return []

    def _order_series(self, order: SeriesOrder) -> list[Outcome]:
        for service, environment in order.names:
            self._note_series(service, environment)
        return []

    def _is_overtaken(self, kind: EventKind, event: Event, before: Event | None) -> bool:
        """Whether an upsert comes too late to have an effect: deleted here, or held in a newer revision."""
        if self.tombstones and (kind, event.id) in self.tombstones:
            if event.source != "api":
                return True
            del self.tombstones[kind, event.id]
        return (
            before is not None
            and before.revision is not None
            and event.revision is not None
            and event.revision < before.revision
        )

    def _note_series(self, service: str, environment: str) -> None:
        if (service, environment) not in self.series_order:
            self.series_order[Series(service, environment)] = len(self.series_order)

    def _share_strings(self, event: Event) -> None:
        """Lets events with equal strings hold one copy: most of a million events repeat a few thousand names."""
        share = self._strings.setdefault
        if isinstance(event, Deployment):
            force_setattr(event, "service", share(event.service, event.service))
        else:
            force_setattr(event, "services", tuple(share(each, each) for each in event.services))
        force_setattr(event, "environment", share(event.environment, event.environment))
        if event.source != "api":
            force_setattr(event, "source", share(event.source, event.source))
        if event.repository is not None:
            force_setattr(event, "repository", share(event.repository, event.repository))
        if event.team is not None:
            force_setattr(event, "team", share(event.team, event.team))

    def _tell(self, before: Event | None, after: Event | None) -> list[Outcome]:
        for observer in self._observers:
            observer(before, after)
        if before is after:
            return [Outcome.UNCHANGED]
        if before is None:
            return [Outcome.CREATED]
        return [Outcome.DELETED if after is None else Outcome.UPDATED]


def _with_what_was_learnt(event: Deployment, before: Deployment) -> Deployment:
    """A deployment sent again, with what was decided and found out about it since it came first."""
    if before.verdict is not None:
        event = replace(event, verdict=before.verdict)
    if before.shipped is not None and _holds_for(before.shipped, event):
        event = replace(event, shipped=before.shipped)
    return event


def _holds_for(shipped: Shipped, deployment: Deployment) -> bool:
    return shipped.repository == deployment.repository and shipped.commit_sha == deployment.commit_sha
