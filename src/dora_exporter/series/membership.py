"""Says in which rollups an event counts: its teams, their groups and those of its services, and dimensions."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TypeVar

import msgspec

from dora_exporter.dora.appearance_order import team_entry
from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.events import Deployment, Event, Incident, Series
from dora_exporter.dora.groups import Groups
from dora_exporter.dora.measures import IncidentFacts
from dora_exporter.dora.reserved import freed

Rollup = tuple[tuple[str, str], ...]
"""What adds up several series: the labels that it has beside the environment, with their values."""

_LONGEST_VALUE = 200
_Event = TypeVar("_Event", bound=Event)
_Place = tuple[str, str, tuple[Rollup, ...]]
"""An incident's id, and the environment and the rollups in which it counts."""


def team(name: str) -> Rollup:
    """The rollup of a team."""
    return (("team", name),)


def group(name: str) -> Rollup:
    """The rollup of a group."""
    return (("group", name),)


def dimension(name: str, value: str) -> Rollup:
    """The rollup of a value of a dimension, as long as a label may be."""
    return (("dimension", name), ("value", freed(value[:_LONGEST_VALUE])))


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


class Membership:
    """The rollups of events, and the facts of incidents there."""

    def __init__(
        self, teams: Teams, groups: Groups, catalogue: Catalogue = NO_CATALOGUE, dimensions: Sequence[str] = ()
    ) -> None:
        """The services of ``teams`` and ``groups`` have the names of the catalogue; ``dimensions`` name tags."""
        self.teams = teams
        self._groups = groups
        self._dimensions = frozenset(dimensions)
        self._catalogue = catalogue
        self._seen: defaultdict[_Place, dict[Series, IncidentFacts]] = defaultdict(dict)
        self._known: dict[tuple[str, str | None], tuple[Rollup, ...]] = {}

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds of rollups that there can be."""
        return (
            "team",
            *(("group",) if self._groups.above else ()),
            *(("dimension",) if self._dimensions else ()),
        )

    def forget(self) -> None:
        """Forgets the facts of incidents by series."""
        self._seen.clear()
        self._known.clear()

    def entries(self, rollup: Rollup, environment: str) -> Iterator[Series]:
        """Whatever says by its first appearance when a rollup appeared first: teams that are named, and services.

        There is nothing of that kind for a value of a dimension.
        """
        kind, name = rollup[0]
        if kind == "dimension":
            return
        if kind == "team":
            yield from self._entries_of_team(name, environment)
            return
        for service, its in self._groups.of_services.items():
            if name in self._groups.way_up(its):
                yield Series(service, environment)
        for each, its in self._groups.of_teams.items():
            if name in self._groups.way_up(its):
                yield from self._entries_of_team(each, environment)

    def of(self, event: Event) -> tuple[Rollup, ...]:
        """The rollups of an event."""
        return self.of_incident(event) if isinstance(event, Incident) else self.of_deployment(event)

    def of_deployment(self, deployment: Deployment) -> tuple[Rollup, ...]:
        """The rollups of a deployment."""
        named = self.of_service(deployment.service, deployment.team)
        return (*named, *self._values(deployment.tags)) if self._dimensions else named

    def of_incident(self, incident: Incident) -> tuple[Rollup, ...]:
        """The rollups of an incident: its teams, and the groups of all its services."""
        found: dict[Rollup, None] = dict.fromkeys(map(team, self.teams.of_incident(incident)))
        services: Sequence[str | None] = self._catalogue.services_of(incident) or (None,)
        for service in services if self._groups.above else ():
            its = incident.team or self.teams.configured_for(service)
            found.update(dict.fromkeys(map(group, self._groups.of(service, its))))
        return (*found, *self._values(incident.tags))

    def parted(self, events: Sequence[_Event]) -> Mapping[Rollup, Sequence[_Event]]:
        """The events by rollup; they are all of one series and one kind."""
        # Only teams, and tags where there are dimensions, tell the deployments of a series apart.
        # Incidents may name further services.
        are_alike = not self._dimensions and len(set(map(attrgetter("team"), events))) == 1
        if are_alike and isinstance(events[0], Deployment):  # most often
            return dict.fromkeys(self.of(events[0]), events)
        parts: defaultdict[Rollup, list[_Event]] = defaultdict(list)
        for event in events:
            for rollup in self.of(event):
                parts[rollup].append(event)
        return parts

    def merge(
        self, series: Series, incident: Incident, before: IncidentFacts | None, after: IncidentFacts | None
    ) -> tuple[IncidentFacts | None, IncidentFacts | None]:
        """The facts of an incident for its rollups, before and after those for one of its series changed.

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

    def of_service(self, service: str, named: str | None) -> tuple[Rollup, ...]:
        """The rollups of what one service, and maybe a team, is named in; they are remembered."""
        known = self._known.get((service, named))
        if known is None:
            its = named or self.teams.configured_for(self._catalogue.service(service))
            groups = self._groups.of(self._catalogue.service(service), its)
            known = (*((team(its),) if its else ()), *map(group, groups))
            self._known[service, named] = known
        return known

    def _values(self, tags: Sequence[str]) -> Iterator[Rollup]:
        """The values of the dimensions, each from the first tag that has one."""
        left = set(self._dimensions)
        for tag in tags if left else ():
            name, _, value = tag.partition(":")
            if value and name in left:
                left.remove(name)
                yield dimension(name, value)

    def _entries_of_team(self, name: str, environment: str) -> Iterator[Series]:
        yield team_entry(name, environment)
        for service in self.teams.services_of(name):
            yield Series(service, environment)


def _merged(seen: Mapping[Series, IncidentFacts]) -> IncidentFacts | None:
    for facts in seen.values():
        return msgspec.structs.replace(facts, attributed=any(each.attributed for each in seen.values()))
    return None
