"""Turns GitLab's reports on issues into incidents, pushed or polled, in any order."""

from typing import Any

from msgspec.structs import replace

from dora_exporter.dora.events import Incident
from dora_exporter.sources.clamping import clamped_end
from dora_exporter.sources.contract import Ignored, Sink
from dora_exporter.sources.forges.service_rules import first_match
from dora_exporter.sources.gitlab.reports import ReportedIncident
from dora_exporter.sources.gitlab.scope import Scope
from dora_exporter.sources.gitlab.settings import GitLabSettings

_POLLED = "polled"
_PLACE = "place"


class IncidentMapping:
    """The knowledge about incidents that a source's passes and webhooks share.

    One that the filters leave out later, that is made an ordinary issue or deleted, has neither service nor team, so it
    counts nowhere and can come back.
    """

    def __init__(self, name: str, settings: GitLabSettings, *, default_environment: str) -> None:
        """``name`` begins the ids."""
        self._name = name
        self._settings = settings
        self._scope = Scope(settings)
        self._environment = settings.incident_environment or default_environment

    def event(self, seen: ReportedIncident, sink: Sink) -> Incident | Ignored:
        """The event to write."""
        event_id = f"{self._name}:issue-{seen.id}"
        held = sink.incident(event_id)
        if held is None and not seen.is_incident:
            return Ignored.NO_EVENT
        if held is None and not self._is_wanted(seen):
            return Ignored.FILTERED
        if held is not None and _is_outdated(seen, held):
            return Ignored.OUTDATED
        incident = Incident(
            event_id,
            (),
            self._environment,
            seen.created_ms,
            clamped_end(event_id, seen.created_ms, seen.closed_ms, sink),
            name=seen.title,
            severity=seen.severity,
            source=self._name,
            revision=seen.updated_ms,
            upstream=_facts(seen, held),
        )
        return self._placed(incident, seen) if self._is_wanted(seen) else incident

    def removed(self, held: Incident) -> Incident:
        """The incident when there is no such issue any more."""
        return replace(held, services=(), team=None)

    def _placed(self, incident: Incident, seen: ReportedIncident) -> Incident:
        """The incident with service, environment and team by its labels, else by its project."""
        entries = [entry for label, entry in self._settings.incident_labels.items() if label in seen.labels]
        if not entries:
            rule, service = first_match(self._settings.services, seen.project.path, "")
            return replace(incident, services=(service or seen.project.name,), team=rule.team if rule else None)
        return replace(
            incident,
            services=tuple(dict.fromkeys(each.service for each in entries)),
            environment=next((each.environment for each in entries if each.environment), self._environment),
            team=next((each.team for each in entries if each.team), None),
        )

    def _is_wanted(self, seen: ReportedIncident) -> bool:
        scope = self._scope
        return seen.is_incident and scope.has_project(seen.project.path) and scope.has_severity(seen.severity)


def place_of(held: Incident) -> str | None:
    """Where GitLab can be asked for an incident, see ``ReportedIncident``."""
    place: str | None = (held.upstream or {}).get(_PLACE)
    return place


def _facts(seen: ReportedIncident, held: Incident | None) -> dict[str, Any]:
    """What is kept besides the fields of an event."""
    place = seen.place or (place_of(held) if held is not None else None)
    return {**({_POLLED: True} if seen.is_polled else {}), **({_PLACE: place} if place else {})}


def _is_outdated(seen: ReportedIncident, held: Incident) -> bool:
    """Whether a newer state is held.

    Webhooks tell seconds: of two in one second the closing is the later, and what the API says in it is the latest.
    """
    revision = held.revision or 0
    if seen.is_polled or seen.updated_ms != revision:
        return seen.updated_ms < revision
    return _POLLED in (held.upstream or {}) or (held.finished_at is not None and seen.closed_ms is None)
