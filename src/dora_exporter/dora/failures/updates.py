"""The contract of what receives the facts of a series' events when they change."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts


class Updates(Protocol):
    """Receives changed facts: those of an event before and after, None while it does not count."""

    def plain(self, deployments: Sequence[Deployment]) -> None:
        """Many deployments begin to count whose facts are no more than ``DeploymentFacts.of``."""
        ...

    def deployment(
        self, deployment: Deployment, before: DeploymentFacts | None, after: DeploymentFacts | None
    ) -> Iterator[None]:
        """A deployment's facts changed; told step by step, as there may be thousands of commits in them."""
        ...

    def incident(self, incident: Incident, before: IncidentFacts | None, after: IncidentFacts | None) -> None:
        """An incident's facts changed."""
        ...

    def presence(self, events: Sequence[Deployment | Incident], change: int) -> None:
        """Events appear (1) or disappear (-1): a series or a team is known while it has an event."""
        ...
