"""Names as docs/names.md tells it: how a name is found, and what an event is with the names that numbers have."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from msgspec.structs import replace

from dora_exporter.dora.events import Deployment, Incident

Entries = Mapping[str, Mapping[str, Any]]
"""Entries as they stand in the settings."""


@dataclass(frozen=True)
class Naming:
    """The entries of services and of environments."""

    services: Entries = field(default_factory=dict)
    environments: Entries = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Entries]:
        """As they are configured."""
        return {"services": self.services, "environments": self.environments}

    @property
    def only_ignoring(self) -> "Naming":
        """What is left to configure where senders use the names of the catalogue."""
        kept = [
            {key: {"ignore": True} for key, each in entries.items() if each.get("ignore")}
            for entries in (self.services, self.environments)
        ]
        return Naming(*kept)

    def of_deployment(self, event: Deployment) -> Deployment:
        """A deployment as a sender who knows the catalogue would have sent it."""
        service, environment = name_of(event.service, self.services), name_of(event.environment, self.environments)
        return replace(event, service=service, environment=environment)

    def of_incident(self, event: Incident) -> Incident:
        """An incident as a sender who knows the catalogue would have sent it."""
        services = tuple(dict.fromkeys(name_of(each, self.services) for each in event.services))
        return replace(event, services=services, environment=name_of(event.environment, self.environments))

    def counting(self, event: Deployment | Incident) -> Deployment | Incident | None:
        """A renamed event as it counts: without ignored services; None where nothing is left."""
        if self.environments.get(event.environment, {}).get("ignore"):
            return None
        if isinstance(event, Deployment):
            return None if self.services.get(event.service, {}).get("ignore") else event
        left = tuple(each for each in event.services if not self.services.get(each, {}).get("ignore"))
        return None if event.services and not left else replace(event, services=left)


def name_of(sent: str, entries: Entries) -> str:
    """The name that numbers have: keys first, then texts, then globs in order; what a family gives is looked up."""
    keys = [key for key, each in entries.items() if "name" not in each]
    if sent in keys:
        return sent
    for key, alias in _aliases(entries):
        if alias == sent:
            return key
    for key, alias in _aliases(entries):
        if fnmatchcase(sent, alias):
            if "name" not in entries[key]:
                return key
            made = str(entries[key]["name"]).replace(r"\1", sent.removesuffix(alias.removeprefix("*")))
            if made:
                return name_of(made, entries)
    return sent


def _aliases(entries: Entries) -> Iterator[tuple[str, str]]:
    for key, each in entries.items():
        aliases: Sequence[str] = each.get("aliases", ())
        for alias in aliases:
            yield key, alias
