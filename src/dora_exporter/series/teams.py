"""Assigns events to teams, and merges the facts of incidents with several services."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from operator import attrgetter

import msgspec

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.events import Deployment, Event, Incident, Series
from dora_exporter.dora.measures import IncidentFacts

_Place = tuple[str, str, tuple[str, ...]]
"""An incident's id, and the environment and the teams in which it counts."""


class Teams:
    """The team of an event: the one it names, else the one configured for its service."""

    def __init__(self, configured: Mapping[str, str], catalogue: Catalogue = NO_CATALOGUE) -> None:
        """``configured`` maps services, by their names in the catalogue, to teams."""
        self._catalogue = catalogue
        self._configured = configured
        self._of_service = self._of_renamed if catalogue.renames else configured.get
        self._services: defaultdict[str, list[str]] = defaultdict(list)
        for service, team in configured.items():
            self._services[team].append(service)
        self._seen: defaultdict[_Place, dict[Series, IncidentFacts]] = defaultdict(dict)

    def services_of(self, team: str) -> Sequence[str]:
        """The services that are configured for a team."""
        return self._services.get(team, ())

    def of_service(self, service: str) -> set[str]:
        """The team that is configured for a service, if any."""
        team = self._configured.get(service)
        return {team} if team else set()

    def forget(self) -> None:
        """Forgets the facts of incidents by series."""
        self._seen.clear()

    def of_deployment(self, deployment: Deployment) -> str | None:
        """The team of a deployment."""
        return deployment.team or self._of_service(deployment.service)

    def of_incident(self, incident: Incident) -> tuple[str, ...]:
        """The teams of an incident: several if its services belong to several."""
        if incident.team:
            return (incident.team,)
        return tuple(
            sorted({team for each in self._catalogue.services_of(incident) if (team := self._configured.get(each))})
        )

    def of(self, event: Event) -> tuple[str, ...]:
        """The teams of an event."""
        if isinstance(event, Incident):
            return self.of_incident(event)
        team = self.of_deployment(event)
        return (team,) if team else ()

    def count(self, events: Sequence[Event]) -> Mapping[str, int]:
        """The number of events by team; they are all of one series and one kind."""
        first = events[0] if events else None
        if not isinstance(first, Deployment):
            return Counter(team for event in events for team in self.of(event))
        counts = Counter(map(attrgetter("team"), events))
        nameless = counts.pop(None, 0)
        configured = self._of_service(first.service) if nameless else None
        if configured:
            counts[configured] += nameless
        return counts

    def _of_renamed(self, service: str) -> str | None:
        return self._configured.get(self._catalogue.service(service))

    def merge(
        self, series: Series, incident: Incident, before: IncidentFacts | None, after: IncidentFacts | None
    ) -> tuple[IncidentFacts | None, IncidentFacts | None]:
        """The facts of an incident for its teams, before and after those for one of its series changed.

        It counts once, however many services it names, and is attributed if it is in any of them. Nothing is stored for
        an incident with one series: most are such, and each would be one more object for the garbage collector. Series
        change one after the other, so an incident that moved is in its old and its new place until all did.
        """
        if len(self._catalogue.services_of(incident)) <= 1:
            return before, after
        place = incident.id, series.environment, self.of_incident(incident)
        seen = self._seen[place]
        before_all = _merged(seen)
        if after is None:
            seen.pop(series, None)
        else:
            seen[series] = after
        after_all = _merged(seen)
        if not seen:
            del self._seen[place]
        return before_all, after_all


def _merged(seen: Mapping[Series, IncidentFacts]) -> IncidentFacts | None:
    for facts in seen.values():
        return msgspec.structs.replace(facts, attributed=any(each.attributed for each in seen.values()))
    return None
