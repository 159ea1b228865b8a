"""Attributes an incident to a deployment of a series."""

from dataclasses import dataclass

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.failures.deployments import DeploymentsInOrder


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """The deployment of a series to which an incident is attributed, and the rule that did it.

    Two are equal if they name the same object by the same rule.
    """

    deployment: Deployment
    rule: str

    def __eq__(self, other: object) -> bool:
        """Whether the rule is equal, and the deployment is the same object."""
        return isinstance(other, Attribution) and self.deployment is other.deployment and self.rule == other.rule

    __hash__ = None  # type: ignore[assignment]  # how Python says that nothing hashes it


def attribute(incident: Incident, in_order: DeploymentsInOrder, limit_ms: int | None) -> Attribution | None:
    """Attributes an incident within a series; None if it began before every deployment, or too long after one.

    First the latest deployment with its version or SHA, else the latest that had started when it began, unless that
    start lies more than ``limit_ms`` back.
    """
    named = in_order.latest_started_with(incident.started_at, version=incident.version, commit_sha=incident.commit_sha)
    if named:
        return Attribution(named, "version or commit")
    latest = in_order.latest_started(incident.started_at)
    if latest and (limit_ms is None or incident.started_at - latest.started_at <= limit_ms):
        return Attribution(latest, "latest deployment")
    return None
