"""Passes on the incidents of a series that count by the rules; an incident and its reopenings count as one."""

from collections.abc import Callable, Hashable, Iterable, Iterator

from dora_exporter.dora.events import Incident
from dora_exporter.dora.failures.classifier import Classifier
from dora_exporter.dora.incident_rules import IncidentRules, outages

_PER_STEP = 64
_Shown = tuple[int | None, str | None]


class CountingIncidents:
    """Adds to a classifier the incidents that count now: of an incident and its reopenings, the first."""

    def __init__(
        self, rules: IncidentRules, classifier: Classifier, services_of: Callable[[Incident], Iterable[str]]
    ) -> None:
        """No incident. ``services_of`` has the services of one by their names in numbers."""
        self._rules = rules
        self._services_of = services_of
        self._classifier = classifier
        self._alike: dict[Hashable, dict[str, tuple[Incident, int | None]]] = {}
        """Where incidents can be reopened: those that have begun, with their ends, by what a reopening shares.

        Nothing is stored elsewhere: each would be one more object for most incidents.
        """
        self._shown: dict[str, _Shown] = {}
        self._continued: dict[str, str] = {}
        """By the id of an incident that is one with an earlier one, the id of that."""
        self.changed: dict[Hashable, None] = {}
        """What ``settling`` has to look at."""

    def put(self, incident: Incident, restored_at: int | None) -> None:
        """An incident has begun, and ended at ``restored_at``, or is open."""
        if self._rules.refused_severity(incident) is not None:
            return
        if self._rules.reopened_within_ms is None:
            self._show(incident, restored_at, self._rules.severity((incident,)))
        else:
            key = self._key(incident)
            self._alike.setdefault(key, {})[incident.id] = incident, restored_at
            self.changed[key] = None

    def remove(self, incident: Incident) -> None:
        """An incident is gone, or has not begun any more."""
        key = self._key(incident) if self._alike else None
        if self._alike.get(key, {}).pop(incident.id, None):
            self.changed[key] = None
            self._continued.pop(incident.id, None)
        self._hide(incident)

    def settling(self) -> Iterator[None]:
        """Joins anew the incidents that may be one with what changed, step by step."""
        while self.changed:
            key, _ = self.changed.popitem()
            found = yield from outages(self._alike[key], self._rules.reopened_within_ms or 0)
            if not found:
                del self._alike[key]
            for number, outage in enumerate(found):
                first, *others = outage.incidents
                for each in others:
                    self._hide(each)
                    self._continued[each.id] = first.id
                self._continued.pop(first.id, None)
                shown = outage.restored_at, self._rules.severity(outage.incidents)
                # All that may be one with what changed is joined anew, and most of it is shown like that already.
                if self._shown.get(first.id) != shown:
                    self._show(first, *shown)
                    self._shown[first.id] = shown
                if number % _PER_STEP == 0:
                    yield

    def reason(self, incident: Incident) -> str | None:
        """Why an incident that has begun does not count; None if it does."""
        if self._classifier.incidents.holds(incident):
            return None
        refused = self._rules.refused_severity(incident)
        if refused is not None:
            return f"its severity {refused} is not one of incidents.counted_severities"
        first = self._continued.get(incident.id)
        if first is not None:
            return f"is one with {first}, reopened: it began within incidents.reopened_within after an end of that"
        return "ended sooner after its beginning than incidents.minimum_duration"

    def _show(self, incident: Incident, restored_at: int | None, severity: str | None) -> None:
        if self._rules.is_too_short(incident.started_at, restored_at):
            # It counted while it was open: only its end shows how short it was.
            self._hide(incident)
            return
        if not self._classifier.incidents.holds(incident):
            self._classifier.add_incident(incident)
        self._classifier.restore(incident, restored_at, severity)

    def _hide(self, incident: Incident) -> None:
        self._shown.pop(incident.id, None)
        if self._classifier.incidents.holds(incident):
            self._classifier.remove_incident(incident)

    def _key(self, incident: Incident) -> Hashable:
        """What incidents of this series that are one have in common: by the names in numbers."""
        return frozenset(self._services_of(incident)), incident.team
