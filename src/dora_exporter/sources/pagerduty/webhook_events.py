"""Writes the incident changes that PagerDuty's v3 webhooks report."""

from codecs import BOM_UTF8

import msgspec
from msgspec.structs import replace

from dora_exporter.dora.events import Incident
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Delivery, Ignored, Receipt, Sink, Unreadable
from dora_exporter.sources.http.timestamps import moment
from dora_exporter.sources.pagerduty.mapping import IncidentMapping
from dora_exporter.sources.pagerduty.rows import (
    CustomField,
    IncidentRow,
    NotUnderstood,
    Reference,
    ReportedIncident,
    reported_incident,
)

_ENVIRONMENT_HEADER = "dd_env"
_PING = "pagey.ping"
_RESOLVED = "incident.resolved"
_NOTHING = msgspec.Raw(b"{}")


class Event(msgspec.Struct, frozen=True):
    """Something that happened in PagerDuty. Every event says what and when; ``data`` is read where we know the kind."""

    event_type: str
    occurred_at: str
    id: str | None = None
    data: msgspec.Raw = _NOTHING


class _Delivery(msgspec.Struct, frozen=True):
    event: Event


class _Data(msgspec.Struct, frozen=True):
    type: str | None = None
    incident: Reference | None = None
    custom_fields: tuple[CustomField, ...] | None = None


def event_of(body: bytes) -> Event:
    """The event of a delivery; raises ``Unreadable`` for what PagerDuty does not send."""
    try:
        return msgspec.json.decode(body.removeprefix(BOM_UTF8), type=_Delivery).event
    except FLAWS as reason:
        raise Unreadable(f"the body is not an event as PagerDuty's v3 webhooks send it: {reason}") from None


def environment_of(delivery: Delivery) -> str | None:
    """The environment that the header ``dd_env`` names, which Datadog's users have; raises ``Unreadable``."""
    environment = delivery.headers.get(_ENVIRONMENT_HEADER)
    if environment is not None and any("\udc80" <= each <= "\udcff" for each in environment):
        raise Unreadable(f"the header {_ENVIRONMENT_HEADER} must be UTF-8")
    return environment


async def ingest(event: Event, mapping: IncidentMapping, sink: Sink, *, dd_env: str | None, now_ms: int) -> Receipt:
    """Writes one event. An event that cannot be understood, or is not about incidents, is only counted."""
    try:
        found = _incident(event, mapping, sink, dd_env=dd_env, now_ms=now_ms)
    except (*FLAWS, NotUnderstood) as reason:
        sink.quarantine(event.id, str(reason))
        return Receipt(event.event_type)
    if isinstance(found, Incident):
        await sink.write([found])
    elif found is None:
        sink.skip()
    await mapping.settle(sink)
    await sink.flush()
    return Receipt(event.event_type, found if isinstance(found, Ignored) else None)


def _incident(
    event: Event, mapping: IncidentMapping, sink: Sink, *, dd_env: str | None, now_ms: int
) -> Incident | Ignored | None:
    """The incident as the event changes it; None for one that the filters leave out."""
    occurred_ms = moment(event.occurred_at, now_ms=now_ms)
    if occurred_ms is None:
        raise NotUnderstood("occurred_at is not a valid time")
    data = msgspec.json.decode(event.data, type=_Data)
    if data.type == "incident":
        row = msgspec.json.decode(event.data, type=IncidentRow)
        held = sink.incident(mapping.event_id(row.id))
        seen = _with_end(reported_incident(row, now_ms=now_ms), event, held, occurred_ms)
        return mapping.pushed(seen, sink, occurred_ms=occurred_ms, dd_env=dd_env)
    if data.type == "service":
        mapping.services.learn(msgspec.json.decode(event.data, type=Reference), at_ms=occurred_ms)
        return Ignored.NO_EVENT
    if data.incident is not None and data.custom_fields is not None:
        return mapping.field_changed(data.incident.id, data.custom_fields, sink) or Ignored.NO_EVENT
    return Ignored.TEST if event.event_type == _PING else Ignored.UNKNOWN_EVENT


def _with_end(seen: ReportedIncident, event: Event, held: Incident | None, occurred_ms: int) -> ReportedIncident:
    """A webhook does not say when an incident ended: the event that says so happened then."""
    if not seen.ended_unseen:
        return seen
    known = held.finished_at if held is not None and event.event_type != _RESOLVED else None
    return replace(seen, finished_at=occurred_ms if known is None else known, ended_unseen=False)
