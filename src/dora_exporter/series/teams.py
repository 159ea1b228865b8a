"""Assigns events to teams."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.events import Event, Incident


class Teams:
    """The team of an event: the one it names, else the one configured for its service."""

    def __init__(self, configured: Mapping[str, str], catalogue: Catalogue = NO_CATALOGUE) -> None:
        """``configured`` maps services, by their names in the catalogue, to teams."""
        self._catalogue = catalogue
        self._configured = configured
        self._services: defaultdict[str, list[str]] = defaultdict(list)
        for service, team in configured.items():
            self._services[team].append(service)

    def services_of(self, team: str) -> Sequence[str]:
        """The services that are configured for a team."""
        return self._services.get(team, ())

    def configured_for(self, service: str | None) -> str | None:
        """The team that is configured for a service, by its name in the catalogue."""
        return self._configured.get(service or "")

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
        team = event.team or self._configured.get(self._catalogue.service(event.service))
        return (team,) if team else ()
