"""A rule that holds for some services, environments or tiers only."""

from collections.abc import Iterable
from dataclasses import dataclass

from dora_exporter.dora.catalogue.catalogue import Catalogue
from dora_exporter.dora.catalogue.tiers import Tier
from dora_exporter.dora.events import Deployment, Series
from dora_exporter.dora.failures.commit_text import LookupKey
from dora_exporter.dora.failures.contract import Link, Rule
from dora_exporter.dora.failures.deployments import DeploymentsInOrder


@dataclass(frozen=True, slots=True)
class Scope:
    """The services and environments, by their names in the catalogue, and the tiers; empty is all."""

    services: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()
    tiers: frozenset[Tier] = frozenset()

    def holds_for(self, series: Series, catalogue: Catalogue) -> bool:
        """Whether a series is within it."""
        return (
            (not self.services or series.service in self.services)
            and (not self.environments or series.environment in self.environments)
            and (not self.tiers or catalogue.tier(series.environment) in self.tiers)
        )


class Scoped:
    """Applies a rule to the deployments within a scope."""

    def __init__(self, rule: Rule, scope: Scope, catalogue: Catalogue) -> None:
        """``catalogue`` has the names and the tiers that the scope is in terms of."""
        self._rule = rule
        self.needs_commits = rule.needs_commits
        self._scope = scope
        self._catalogue = catalogue
        self._decided: dict[Series, bool] = {}

    def concerned(self, deployments: Iterable[Deployment]) -> Iterable[Deployment | None]:
        """The deployments in scope that the rule concerns."""
        return self._rule.concerned([each for each in deployments if self._holds_for(each)])

    def links(
        self, remedy: Deployment, in_order: DeploymentsInOrder, looked_up: set[LookupKey]
    ) -> Iterable[Link | None]:
        """The links of the rule for a deployment in scope."""
        return self._rule.links(remedy, in_order, looked_up) if self._holds_for(remedy) else ()

    def _holds_for(self, deployment: Deployment) -> bool:
        series = self._catalogue.home(deployment)
        if series is None:
            return False
        if series not in self._decided:
            self._decided[series] = self._scope.holds_for(series, self._catalogue)
        return self._decided[series]
