"""The incidents of one series that count now: their ends, severities, and the facts that follow from these."""

from collections.abc import Collection, Iterator, Sequence

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.failures.attribution_index import AttributionIndex
from dora_exporter.dora.failures.updates import Updates
from dora_exporter.dora.measures import IncidentFacts


class IncidentStates:
    """A change marks an incident; ``settling`` passes on what changed in the facts of the marked ones."""

    __slots__ = ("_attributions", "_facts", "_restored_at", "_severities", "_updates", "marked")

    def __init__(self, attributions: AttributionIndex, updates: Updates) -> None:
        """No incident. Adds and removes them in the index of attributions as well, which its owner settles."""
        self._attributions = attributions
        self._updates = updates
        self._facts: dict[str, IncidentFacts] = {}
        self._restored_at: dict[str, int] = {}
        self._severities: dict[str, str] = {}
        self.marked: dict[str, Incident] = {}

    def add(self, incident: Incident) -> None:
        """Adds an incident, as an open one."""
        self._attributions.add(incident)
        self.marked[incident.id] = incident

    def restore(self, incident: Incident, restored_at: int | None, severity: str | None) -> Sequence[Deployment]:
        """Resolves an incident, or reopens it with None; returns the deployment whose recovery this affects, if any."""
        if severity is not None:
            self._severities[incident.id] = severity
        if restored_at is None:
            self._restored_at.pop(incident.id, None)
        else:
            self._restored_at[incident.id] = restored_at
        self.marked[incident.id] = incident
        attribution = self._attributions.attribution(incident)
        return [attribution.deployment] if attribution else []

    def remove(self, incident: Incident) -> Sequence[Deployment]:
        """Removes an incident; returns the deployments that this affects."""
        self._restored_at.pop(incident.id, None)
        self._severities.pop(incident.id, None)
        self.marked.pop(incident.id, None)
        facts = self._facts.pop(incident.id, None)
        if facts:
            self._updates.incident(incident, facts, None)
        return list(self._attributions.remove(incident))

    def settling(self) -> Iterator[None]:
        """Passes on what changed, an incident at a step. The attributions have to be settled before."""
        for incident in self.marked.values():
            before = self._facts.get(incident.id)
            after = IncidentFacts(
                started_at=incident.started_at,
                source=incident.source,
                restored_at=self._restored_at.get(incident.id),
                attributed=self._attributions.attribution(incident) is not None,
                severity=self._severities.get(incident.id),
            )
            if before != after:
                self._facts[incident.id] = after
                self._updates.incident(incident, before, after)
            yield
        self.marked.clear()

    def holds(self, incident: Incident) -> bool:
        """Whether an incident was added."""
        return incident.id in self._facts or incident.id in self.marked

    def facts(self, incident: Incident) -> IncidentFacts | None:
        """The facts of an incident, as of the last ``settling``; None while it does not count."""
        return self._facts.get(incident.id)

    def all_restored_at(self, incidents: Collection[Incident]) -> int | None:
        """The moment at which the last of some incidents was resolved; None while one of them is open."""
        moments = [self._restored_at[each.id] for each in incidents if each.id in self._restored_at]
        return max(moments) if len(moments) == len(incidents) else None

    def parts(self) -> Iterator[object]:
        """What it consists of."""
        yield from (self._facts, self._restored_at)
