"""A rule that holds for some services only."""

from collections.abc import Collection, Hashable, Iterable

from dora_exporter.events import Deployment
from dora_exporter.failures.failure import Link, Rule
from dora_exporter.failures.lineup import Lineup


class Scoped:
    """Applies a rule to the deployments of certain services."""

    def __init__(self, rule: Rule, services: Collection[str]) -> None:
        """``services`` are the names of those for which the rule holds."""
        self._rule = rule
        self._services = frozenset(services)

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        """Those of the services that the rule concerns."""
        return self._rule.concerned([each for each in deployments if each.service in self._services])

    def links(self, remedy: Deployment, lineup: Lineup) -> Iterable[Link]:
        """What the rule finds for a deployment of the services."""
        return self._rule.links(remedy, lineup) if remedy.service in self._services else ()

    def looks_up(self, remedy: Deployment) -> Iterable[Hashable]:
        """What the rule looks up for a deployment of the services."""
        return self._rule.looks_up(remedy) if remedy.service in self._services else ()
