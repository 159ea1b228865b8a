"""Turns PagerDuty's reports into incidents, pushed or polled, in any order."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from dora_exporter.dora.events import Incident
from dora_exporter.sources.clamping import clamped_end
from dora_exporter.sources.contract import Sink
from dora_exporter.sources.http.pushed_settings import MappedService
from dora_exporter.sources.pagerduty.rows import CustomField, NotUnderstood, ReportedIncident, field_value
from dora_exporter.sources.pagerduty.services import Known, Services
from dora_exporter.sources.pagerduty.settings import PagerDutySettings

_AT_ONCE = 500
_FIELD = "field "


class IncidentMapping:
    """The knowledge that a source's passes and webhooks share.

    An incident that the filters leave out has neither service nor team, so it counts nowhere; what is kept in its
    ``upstream`` lets it come back.
    """

    def __init__(self, name: str, settings: PagerDutySettings, *, default_environment: str) -> None:
        """Knows no service before the first ``open``."""
        self._name = name
        self._settings = settings
        self._default_environment = default_environment
        self._is_open = False
        self.services = Services()
        self.pushes = 0
        self._pushed: dict[str, int] = {}

    def open(self, sink: Sink) -> None:
        """Recalls the services, the first time."""
        if not self._is_open:
            self.services, self._is_open = Services.load(sink.noted()), True

    @property
    def unmapped_services(self) -> int:
        """How many services that the filters let through have no entry in the map."""
        wanted = self._settings.service_ids
        return sum(
            self._entry(service_id, known) is None and (not wanted or service_id in wanted)
            for service_id, known in self.services.known.items()
        )

    def event_id(self, upstream_id: str) -> str:
        """The id that an incident has here."""
        return f"{self._name}:{upstream_id}"

    def polled(self, seen: ReportedIncident, sink: Sink, *, asked: int, now_ms: int) -> Incident | None:
        """An incident as the REST API shows it; None when the filters leave it out and it is not held.

        ``asked`` is what ``pushes`` was when the request was made: a webhook that came before it is older news, even
        where its clock is ahead of the API's; the incident then keeps the webhook's revision.
        """
        held = sink.incident(self.event_id(seen.id))
        revision, pushed_ms = seen.revision, None
        if held is not None and self._pushed.get(seen.id, 0) <= asked and revision < (held.revision or 0):
            pushed_ms = _facts(held).get("pushed")
            if pushed_ms is not None:
                revision = held.revision or 0
        return self._arranged(seen, held, sink, revision=revision, learnt_at_ms=now_ms, pushed_ms=pushed_ms)

    def pushed(self, seen: ReportedIncident, sink: Sink, *, occurred_ms: int, dd_env: str | None) -> Incident | None:
        """An incident as a webhook shows it; None as above. REST times end at the second, so ours does as well."""
        self.pushes += 1
        if self._settings.is_polled:
            self._pushed[seen.id] = self.pushes
        held = sink.incident(self.event_id(seen.id))
        is_late = held is not None and occurred_ms < _facts(held).get("pushed", 0)
        revision = -1 if is_late else occurred_ms // 1000 * 1000
        return self._arranged(
            seen, held, sink, revision=revision, learnt_at_ms=occurred_ms, pushed_ms=occurred_ms, dd_env=dd_env
        )

    def field_changed(self, upstream_id: str, fields: tuple[CustomField, ...], sink: Sink) -> Incident | None:
        """The incident with the custom fields that a webhook brought; None when it is not held."""
        held = sink.incident(self.event_id(upstream_id))
        return None if held is None else self.placed(replace(held, upstream=self._with_field(_facts(held), fields)))

    @property
    def recently_pushed(self) -> Iterable[str]:
        """The upstream ids of the incidents that webhooks were about since the last pass that went well."""
        return self._pushed.keys()

    def forget_pushes(self, until: int) -> None:
        """Webhooks before a pass that went well are older news than anything that will be asked."""
        self._pushed = {upstream_id: push for upstream_id, push in self._pushed.items() if push > until}

    def wants_field(self, seen: ReportedIncident, held: Incident | None, *, is_changed: bool) -> bool:
        """Whether the incident's environment is in a custom field that was not read yet, or that may be new."""
        wanted = self._settings.environment_field
        if wanted is None or seen.custom_fields is not None:
            return False
        if not is_changed and held is not None and _field_key(wanted) in _facts(held):
            return False
        return self._passes(_facts_of(seen, None), seen.priority)

    def _arranged(
        self,
        seen: ReportedIncident,
        held: Incident | None,
        sink: Sink,
        *,
        revision: int,
        learnt_at_ms: int,
        pushed_ms: int | None = None,
        dd_env: str | None = None,
    ) -> Incident | None:
        if seen.service is not None:
            self.services.learn(seen.service, at_ms=learnt_at_ms)
        environment = {"dd_env": dd_env} if dd_env else {}
        if held is not None and revision < (held.revision or 0):
            facts = self._with_field({**environment, **_facts(held)}, seen.custom_fields)
            return self.placed(replace(held, upstream=facts))
        facts = _facts_of(seen, held) | environment
        if facts.get("service") is None:
            raise NotUnderstood("it has no service")
        if held is None and not self._passes(facts, seen.priority):
            return None
        if pushed_ms is not None:
            facts["pushed"] = pushed_ms
        return self.placed(self._incident(seen, facts, sink, revision=revision))

    def _incident(self, seen: ReportedIncident, facts: dict[str, Any], sink: Sink, *, revision: int) -> Incident:
        """The incident as it is seen, belonging to nothing yet."""
        event_id = self.event_id(seen.id)
        return Incident(
            event_id,
            (),
            self._default_environment,
            seen.started_at,
            clamped_end(event_id, seen.started_at, seen.finished_at, sink),
            name=seen.name,
            severity=seen.priority,
            source=self._name,
            merged_into=self.event_id(seen.merged_into) if seen.merged_into else None,
            revision=revision,
            upstream=self._with_field(facts, seen.custom_fields),
        )

    def _with_field(self, facts: dict[str, Any], fields: tuple[CustomField, ...] | None) -> dict[str, Any]:
        wanted = self._settings.environment_field
        if wanted is None or fields is None:
            return facts
        return {**facts, _field_key(wanted): field_value(fields, wanted) or ""}

    def placed(self, incident: Incident) -> Incident:
        """The incident with service, environment and team by the settings, from the facts that are kept with it."""
        facts = _facts(incident)
        if not self._passes(facts, incident.severity):
            return replace(incident, services=(), team=None)
        service_id = facts.get("service", "")
        known = self.services.known.get(service_id, Known(None, None, 0))
        entry = self._entry(service_id, known)
        settings = self._settings
        environment = (
            facts.get(_field_key(settings.environment_field))
            or (entry.environment if entry else None)
            or facts.get("dd_env")
            or settings.environment
            or self._default_environment
        )
        service = entry.service if entry else (known.name or "").strip() or next(iter(incident.services), service_id)
        team = entry.team if entry else None
        return replace(
            incident, services=(service,), environment=environment.strip() or self._default_environment, team=team
        )

    def _entry(self, service_id: str, known: Known) -> MappedService | None:
        services = self._settings.services
        keys = (service_id, known.url, known.name)
        return next((services[key] for key in keys if key in services), None)

    def _passes(self, facts: dict[str, Any], priority: str | None) -> bool:
        settings = self._settings
        return (
            (not settings.service_ids or facts.get("service") in settings.service_ids)
            and (not settings.team_ids or any(team in settings.team_ids for team in facts.get("teams", "").split()))
            and (not settings.urgencies or facts.get("urgency") in settings.urgencies)
            and (not settings.priorities or priority in settings.priorities)
        )

    async def settle(self, sink: Sink, *, everything: bool = False) -> None:
        """Has every held incident show what its service is called now and, on demand, what the settings say now."""
        renamed = set(self.services.renamed)
        if renamed or everything:
            moved: list[Incident] = []
            async for incident in sink.incidents():
                if everything or _facts(incident).get("service") in renamed:
                    moved.append(incident)
                if len(moved) >= _AT_ONCE:
                    await self._place(moved, sink)
                    moved = []
            await self._place(moved, sink)
        if not self.services.is_noted:
            self.services.is_noted = True  # what is learnt while it is written takes that back
            try:
                await sink.write([sink.note(self.services.dump())])
                await sink.flush()
            except BaseException:
                self.services.is_noted = False
                raise
        self.services.renamed -= renamed

    async def _place(self, incidents: list[Incident], sink: Sink) -> None:
        latest = [sink.incident(each.id) or each for each in incidents]
        await sink.write([self.placed(each) for each in latest if each.upstream is not None])


def _facts(incident: Incident) -> dict[str, Any]:
    return incident.upstream or {}


def _facts_of(seen: ReportedIncident, held: Incident | None) -> dict[str, Any]:
    """What is kept with an incident beside its fields: what PagerDuty says, and what was learnt about it before.

    Only texts and numbers: a dict that holds a list or another dict is one more thing for the garbage collector to
    look at, and there is one for each incident.
    """
    before = _facts(held) if held is not None else {}
    said = {
        "service": seen.service.id if seen.service else before.get("service"),
        "number": seen.number,
        "urgency": seen.urgency,
        "teams": " ".join(seen.teams),
    }
    learnt = {key: value for key, value in before.items() if key == "dd_env" or key.startswith(_FIELD)}
    return {key: value for key, value in said.items() if value} | learnt


def _field_key(name: str | None) -> str:
    """Where the value of a custom field is kept."""
    return f"{_FIELD}{name}"
