"""The catalogue: from names as they were sent to the names that numbers have."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from dora_exporter.dora.appearance_order import is_team
from dora_exporter.dora.catalogue.spellings import Entry, Meaning, Spellings
from dora_exporter.dora.catalogue.tiers import Tier, guessed_tier
from dora_exporter.dora.events import Deployment, Event, Incident, Series

_MOST_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class ServiceDetails:
    """What pages show of a service. ``links`` are (what it is, URL)."""

    title: str | None = None
    group: str | None = None
    links: tuple[tuple[str, str], ...] = ()


_NO_DETAILS = ServiceDetails()


@dataclass(frozen=True)
class Catalogue:
    """Renames, ignores and describes services and environments. Immutable; equal where its entries are."""

    services: tuple[Entry, ...] = ()
    environments: tuple[Entry, ...] = ()
    tiers: tuple[tuple[str, Tier], ...] = ()
    details_by_service: tuple[tuple[str, ServiceDetails], ...] = ()

    def service(self, name: str) -> str:
        """The name of a service in numbers."""
        return self.service_meaning(name).name if self.renames else name

    def environment(self, name: str) -> str:
        """The name of an environment in numbers."""
        return self.environment_meaning(name).name if self.renames else name

    def service_meaning(self, name: str) -> Meaning:
        """What the name of a service means."""
        return self._service_names.meaning(name)

    def environment_meaning(self, name: str) -> Meaning:
        """What the name of an environment means."""
        return self._environment_names.meaning(name)

    def series(self, sent: tuple[str, str]) -> Series | None:
        """The series that a service and an environment count in; None where one of them is ignored."""
        try:
            return self._series[sent]
        except KeyError:
            pass
        if len(self._series) >= _MOST_REMEMBERED:
            self._series.clear()
        service, environment = self.service_meaning(sent[0]), self.environment_meaning(sent[1])
        is_ignored = service.ignored_by is not None or environment.ignored_by is not None
        found = self._series[sent] = None if is_ignored else Series(service.name, environment.name)
        return found

    def home(self, deployment: Deployment) -> Series | None:
        """The series that a deployment counts in; None where it is ignored."""
        if not self.renames:
            return deployment.series
        return self.series((deployment.service, deployment.environment))

    def homes(self, event: Event) -> tuple[Series, ...]:
        """The series that an event counts in; one without a service is for an incident that names only a team."""
        if isinstance(event, Deployment):
            home = self.home(event)
            return () if home is None else (home,)
        if event.merged_into is not None:
            return ()
        if event.services:
            return self._named(event)
        if not event.team or self.environment_meaning(event.environment).ignored_by is not None:
            return ()
        return (Series("", self.environment(event.environment)),)

    def services_of(self, incident: Incident) -> tuple[str, ...]:
        """The services of an incident that are not ignored, each once."""
        if not self.renames:
            return incident.services
        return tuple(series.service for series in self._named(incident))

    def _named(self, incident: Incident) -> tuple[Series, ...]:
        if not self.renames:
            return incident.series
        found = {self.series((service, incident.environment)): None for service in incident.services}
        return tuple(series for series in found if series is not None)

    def tier(self, environment: str) -> Tier:
        """What an environment is for, named in any way."""
        name = self.environment(environment)
        return self._tiers.get(name) or guessed_tier(name)

    def details(self, service: str) -> ServiceDetails:
        """What is said about a service, named in any way."""
        return self._details.get(self.service(service), _NO_DETAILS)

    def why_ignored(self, services: Iterable[str], environment: str) -> str | None:
        """The rule that ignores an event, as it stands in the settings; None where it is not ignored."""
        ignored = self.environment_meaning(environment).ignored_by
        if ignored is not None:
            return f"environments.{ignored}"
        rules = [self.service_meaning(each).ignored_by for each in services]
        return f"services.{rules[0]}" if rules and all(rule is not None for rule in rules) else None

    def renaming_rules(self, sent: tuple[str, str]) -> tuple[str, ...]:
        """The rules that rename a service and an environment, as they stand in the settings."""
        service, environment = self.service_meaning(sent[0]).rule, self.environment_meaning(sent[1]).rule
        rules = (service and f"services.{service}", environment and f"environments.{environment}")
        return tuple(filter(None, rules))

    @property
    def has_entries(self) -> bool:
        """Whether anything is said about a service or an environment."""
        return bool(self.services or self.environments)

    @cached_property
    def renames(self) -> bool:
        """Whether any name could have another one, or be ignored."""
        return any(entry.aliases or entry.ignore for entry in (*self.services, *self.environments))

    @cached_property
    def _service_names(self) -> Spellings:
        return Spellings(self.services)

    @cached_property
    def _environment_names(self) -> Spellings:
        return Spellings(self.environments)

    @cached_property
    def _series(self) -> dict[tuple[str, str], Series | None]:
        return {}

    @cached_property
    def _tiers(self) -> Mapping[str, Tier]:
        return dict(self.tiers)

    @cached_property
    def _details(self) -> Mapping[str, ServiceDetails]:
        return dict(self.details_by_service)


NO_CATALOGUE = Catalogue()
"""Leaves every name as it was sent."""


class Appearances:
    """The order in which names of the catalogue appeared, and the names that they were sent with."""

    def __init__(self, catalogue: Catalogue, order: Mapping[Series, int]) -> None:
        """``order`` has series and teams as they were sent, and grows."""
        self.catalogue = catalogue
        self._order = order
        self._ranks: dict[Series, int] = {}
        self._sent: dict[Series, list[Series]] = {}
        self._environments: dict[str, int] = {}
        self._read = 0
        self._last: Series | None = None

    def rank(self, series: Series, default: int) -> int:
        """The rank of a series or of the entry of a team by first appearance; ``default`` for one that never did."""
        if not self.catalogue.renames:
            return self._order.get(series, default)
        self._catch_up()
        return self._ranks.get(series, default)

    def rank_of_environment(self, environment: str) -> int:
        """The rank of the first series or team in an environment; 0 for one that never appeared."""
        self._catch_up()
        return self._environments.get(environment, 0)

    def sent_as(self, series: Series) -> tuple[Series, ...]:
        """The names that a series was sent with, in order of appearance; its own is one of them only if it was sent."""
        self._catch_up()
        return tuple(self._sent.get(series, ()))

    def _catch_up(self) -> None:
        if self._last and self._order.get(self._last) != self._read - 1:  # a replica began anew
            self._ranks.clear()
            self._sent.clear()
            self._environments.clear()
            self._read, self._last = 0, None
        if len(self._order) > self._read:
            for sent, rank in islice(self._order.items(), self._read, None):
                self._note(sent, rank)
                self._last = sent
            self._read = len(self._order)

    def _note(self, sent: Series, rank: int) -> None:
        if is_team(sent):
            meaning = self.catalogue.environment_meaning(sent.environment)
            series = None if meaning.ignored_by else Series(sent.service, meaning.name)
        else:
            series = self.catalogue.series(sent)
        if series is not None:
            self._ranks.setdefault(series, rank)
            self._environments.setdefault(series.environment, rank)
            self._sent.setdefault(series, []).append(sent)
