"""Assigns service, environment and team to the events of a source, by its settings."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from dora_exporter.dora import bounds
from dora_exporter.sources.contract import Ignored, Item
from dora_exporter.sources.webhook.settings import WebhookSettings

_ID_BYTES = 16


@dataclass(frozen=True, eq=False)
class Result:
    """What a report leads to: items to write, or a reason why it counts nowhere, or both for what is kept in mind."""

    items: tuple[Item, ...] = ()
    ignored: Ignored | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Place:
    """Where an event belongs; what is not known is None or empty."""

    services: tuple[str, ...]
    environment: str | None
    team: str | None


class Placing:
    """The names of one source."""

    def __init__(self, name: str, settings: WebhookSettings, *, default_environment: str) -> None:
        """``name`` begins the ids."""
        self.name = name
        self._settings = settings
        self._default_environment = default_environment

    def event_id(self, upstream_id: str) -> str:
        """The id that something of the sender's has here: its own, or a digest of one that is too long."""
        event_id = f"{self.name}:{upstream_id}"
        if bounds.is_id(event_id):
            return event_id
        digest = hashlib.blake2b(upstream_id.encode("utf-8", "surrogatepass"), digest_size=_ID_BYTES)
        return f"{self.name}:{digest.hexdigest()}"

    def place(self, services: Sequence[str], environment: str | None, team: str | None) -> Place:
        """Where an event belongs that names these services, by the map of services."""
        known = self._settings.services
        mapped = [known[each] for each in services if each in known]
        unmapped = {each[: bounds.LABEL_LENGTH] for each in services if each not in known}
        return Place(
            services=tuple(sorted(unmapped.union(each.service for each in mapped))),
            environment=environment or next((each.environment for each in mapped if each.environment), None),
            team=team or next((each.team for each in mapped if each.team), None),
        )

    @property
    def service(self) -> tuple[str, ...]:
        """The service of events that name none."""
        return (self._settings.service,) if self._settings.service else ()

    @property
    def environment(self) -> str:
        """The environment of events that name none."""
        return self._settings.environment or self._default_environment

    @property
    def team(self) -> str | None:
        """The team of events that name none."""
        return self._settings.team
