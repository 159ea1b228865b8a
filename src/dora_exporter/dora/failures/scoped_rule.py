"""A rule that holds for some services or environments only."""

from collections.abc import Collection, Iterable

from dora_exporter.dora.events import Deployment
from dora_exporter.dora.failures.commit_text import LookupKey
from dora_exporter.dora.failures.contract import Link, Rule
from dora_exporter.dora.failures.deployments import DeploymentsInOrder


class Scoped:
    """Applies a rule to the deployments of certain services and environments."""

    def __init__(self, rule: Rule, *, services: Collection[str], environments: Collection[str]) -> None:
        """The services and environments for which the rule holds; empty is all."""
        self._rule = rule
        self._services = frozenset(services)
        self._environments = frozenset(environments)

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment]:
        """The deployments in scope that the rule concerns."""
        return self._rule.concerned([each for each in deployments if self._holds_for(each)])

    def links(self, remedy: Deployment, in_order: DeploymentsInOrder, looked_up: set[LookupKey]) -> Iterable[Link]:
        """The links of the rule for a deployment in scope."""
        return self._rule.links(remedy, in_order, looked_up) if self._holds_for(remedy) else ()

    def _holds_for(self, deployment: Deployment) -> bool:
        return (not self._services or deployment.service in self._services) and (
            not self._environments or deployment.environment in self._environments
        )
