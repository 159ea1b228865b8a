"""What PagerDuty says about an incident, in its REST answers and in its webhooks."""

from typing import Any

import msgspec
from msgspec.structs import force_setattr

from dora_exporter.dora.bounds import TEXT_LENGTH
from dora_exporter.sources.http.timestamps import moment

_MERGED = "merge_resolve_reason"


class Reference(msgspec.Struct, frozen=True):
    """An object that is pointed at. PagerDuty may leave out everything but the id."""

    id: str
    summary: str | None = None
    name: str | None = None
    html_url: str | None = None

    def __post_init__(self) -> None:
        """Services are remembered, so what is said of one has its bounds."""
        for name in self.__struct_fields__:
            said = getattr(self, name)
            if said is not None and len(said) > TEXT_LENGTH:
                force_setattr(self, name, said[:TEXT_LENGTH])

    @property
    def label(self) -> str | None:
        """Its name."""
        return self.name or self.summary or None


class ResolveReason(msgspec.Struct, frozen=True):
    """Why an incident ended."""

    type: str | None = None
    incident: Reference | None = None


class CustomField(msgspec.Struct, frozen=True):
    """A field that an account added to its incidents."""

    name: str | None = None
    display_name: str | None = None
    value: Any = None


class IncidentRow(msgspec.Struct, frozen=True):
    """An incident. ``incident_number`` is called ``number`` in a webhook, which has no ``resolved_at``."""

    id: str
    created_at: str | None = None
    updated_at: str | None = None
    resolved_at: str | None = None
    last_status_change_at: str | None = None
    status: str | None = None
    title: str | None = None
    summary: str | None = None
    incident_number: int | None = None
    number: int | None = None
    urgency: str | None = None
    service: Reference | None = None
    teams: tuple[Reference, ...] | None = None
    priority: Reference | None = None
    resolve_reason: ResolveReason | None = None
    custom_fields: tuple[CustomField, ...] | None = None


class ReportedIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as it was at one moment. Times are in milliseconds.

    ``finished_at`` is None while it is open. ``ended_unseen`` says that it is resolved and the row does not say when.
    """

    id: str
    revision: int
    started_at: int
    finished_at: int | None
    ended_unseen: bool
    name: str | None
    number: int | None
    service: Reference | None
    urgency: str | None
    priority: str | None
    teams: tuple[str, ...]
    merged_into: str | None
    custom_fields: tuple[CustomField, ...] | None


class LogEntry(msgspec.Struct, frozen=True):
    """Something that happened to an incident."""

    id: str
    created_at: str | None = None
    type: str | None = None
    incident: Reference | None = None
    service: Reference | None = None


class NotUnderstood(Exception):
    """A row lacks what is needed to make an incident of it."""


def reported_incident(row: IncidentRow, *, now_ms: int) -> ReportedIncident:
    """Reads a row; raises ``NotUnderstood``. An unknown state is open."""
    started_at = moment(row.created_at, now_ms=now_ms)
    if started_at is None:
        raise NotUnderstood("created_at is not a valid time")
    changed_at = moment(row.last_status_change_at, now_ms=now_ms)
    resolved_at = moment(row.resolved_at, now_ms=now_ms)
    updated_at = moment(row.updated_at, now_ms=now_ms)
    is_over = row.status == "resolved"
    finished_at = (resolved_at or changed_at) if is_over else None
    return ReportedIncident(
        id=row.id,
        revision=updated_at or max(started_at, changed_at or 0, resolved_at or 0),
        started_at=started_at,
        finished_at=finished_at,
        ended_unseen=is_over and finished_at is None,
        name=row.title or row.summary or None,
        number=row.incident_number or row.number,
        service=row.service,
        urgency=row.urgency,
        priority=row.priority.label if row.priority else None,
        teams=tuple(sorted({team.id for team in row.teams or ()})),
        merged_into=_merged_into(row.resolve_reason) if is_over else None,
        custom_fields=row.custom_fields,
    )


def _merged_into(reason: ResolveReason | None) -> str | None:
    return reason.incident.id if reason and reason.type == _MERGED and reason.incident else None


def field_value(fields: tuple[CustomField, ...], wanted: str) -> str | None:
    """The text in a custom field, the first one where there are several; None for an empty field."""
    for field in fields:
        if wanted in (field.name, field.display_name):
            value = field.value[0] if isinstance(field.value, list) and field.value else field.value
            return value[:TEXT_LENGTH] if isinstance(value, str) and value else None
    return None
