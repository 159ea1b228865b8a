"""What a metric counts: deployments and incidents with their facts and causes, and what of them it leaves out."""

from collections.abc import Iterator
from dataclasses import dataclass

from dora_exporter.dora.events import Deployment, Incident
from dora_exporter.dora.failures.classifier import Classifier
from dora_exporter.dora.failures.commit_text import commits_of
from dora_exporter.dora.failures.first_shipments import CLOCK_SKEW_MS
from dora_exporter.dora.failures.revert import relanded
from dora_exporter.dora.failures.verdict import verdict_on
from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts
from dora_exporter.dora.metrics.contract import Moment
from dora_exporter.dora.repository_parts import excluded_of, found_parts

_PASSED_OVER = "counted since an earlier deployment: the commits of the {} before it stay unknown"

_SHIPPED_BEFORE = "was shipped before"
_EXCLUDED_AUTHOR = "its author is in commits.exclude_authors"
_EXPECTED = {*(each.value for each in Moment), _SHIPPED_BEFORE, _EXCLUDED_AUTHOR, "is older than the retention"}


@dataclass(frozen=True, slots=True)
class Failure:
    """A change failure: its cause, the rule that found it, and the ids of its remedies and incidents.

    ``remedy_names`` are the versions of the remedies, or the beginnings of their SHAs, or their ids; ``incident_names``
    are what the incidents are called, or their ids.
    """

    cause: str
    rule: str
    remedies: tuple[str, ...]
    incidents: tuple[str, ...]
    remedy_names: tuple[str, ...] = ()
    incident_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CountedDeployment:
    """A deployment that a metric counts; ``lead_times_ms`` are those of its ``facts``, by SHA."""

    deployment: Deployment
    facts: DeploymentFacts
    failure: Failure | None
    lead_times_ms: tuple[tuple[str, int], ...]

    @property
    def recovery_ms(self) -> int | None:
        """How long the recovery took; None without one."""
        return self.facts.recovery[1] if self.facts.recovery else None


@dataclass(frozen=True, slots=True, eq=False)
class CountedIncident:
    """An incident that a metric counts; ``because`` is the rule that attributes it, or why none does."""

    incident: Incident
    facts: IncidentFacts
    attributed_to: str | None
    because: str

    @property
    def restore_ms(self) -> int | None:
        """How long the incident lasted; None while it is open."""
        return None if self.facts.restored_at is None else self.facts.restored_at - self.facts.started_at


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not counted, and why."""

    kind: str
    id: str
    reason: str

    @property
    def is_expected(self) -> bool:
        """Whether it is as anybody would expect: outside of the window, too old, shipped before or excluded."""
        return self.reason in _EXPECTED


def counted_deployment(classifier: Classifier, deployment: Deployment) -> CountedDeployment:
    """A deployment with its facts as the classifier has them now."""
    facts = classifier.facts(deployment)
    return CountedDeployment(
        deployment=deployment,
        facts=facts,
        failure=_failure(classifier, deployment) if facts.cause else None,
        lead_times_ms=tuple((commit.sha, value) for commit, value in classifier.in_order.shipments.samples(deployment)),
    )


def _failure(classifier: Classifier, deployment: Deployment) -> Failure:
    cause = classifier.cause(deployment) or ""
    links = classifier.remedies(deployment)
    incidents = sorted(classifier.attributions.incidents_of(deployment), key=lambda each: each.id)
    rules = {"verdict": "verdict", "incident": "an incident is attributed to it"}
    return Failure(
        cause=cause,
        rule=next((link.rule for link in links if link.cause == cause and cause != "verdict"), rules.get(cause, cause)),
        remedies=tuple(dict.fromkeys(link.remedy.id for link in links)),
        incidents=tuple(each.id for each in incidents),
        remedy_names=tuple({link.remedy.id: name_of(link.remedy) for link in links}.values()),
        incident_names=tuple(each.name or each.id for each in incidents),
    )


def name_of(deployment: Deployment) -> str:
    """What people call a deployment: its version, or the beginning of its SHA, or its id."""
    return deployment.version or (deployment.commit_sha or "")[:12] or deployment.id


def counted_incident(classifier: Classifier, incident: Incident) -> CountedIncident:
    """An incident with its attribution as the classifier has it now."""
    attribution = classifier.attributions.attribution(incident)
    known = classifier.incidents.facts(incident)
    return CountedIncident(
        incident=incident,
        facts=IncidentFacts(
            started_at=incident.started_at,
            source=incident.source,
            restored_at=known.restored_at if known else None,
            attributed=attribution is not None,
            severity=known.severity if known else None,
        ),
        attributed_to=attribution.deployment.id if attribution else None,
        because=attribution.rule if attribution else "no deployment had started before it, or not within the limit",
    )


def left_out_of(classifier: Classifier, deployment: Deployment) -> Iterator[LeftOut | None]:
    """What of a deployment is not counted: commits without a lead time, and links without effect. None is a step."""
    kept = {commit.sha for commit, _ in classifier.in_order.shipments.samples(deployment)}
    excluded = excluded_of(deployment)
    for commit in commits_of(deployment):
        if commit.sha not in kept:
            is_ahead = commit.authored_at - deployment.finished_at > CLOCK_SKEW_MS
            reason = "was authored too long after the deployment" if is_ahead else _SHIPPED_BEFORE
            if commit.sha in excluded:
                reason = _EXCLUDED_AUTHOR
            yield LeftOut("commit", commit.sha, reason)
    for part in found_parts(deployment):
        where = f" of {part.repository}" if deployment.further else ""
        for cause, count in sorted(part.left_out.items()):
            reason = _PASSED_OVER if cause == "passed_over" else "{} left out: " + cause
            yield LeftOut("commits", deployment.id, reason.format(count) + where)
    verdict = verdict_on(deployment)
    if verdict and not verdict.change_failure and classifier.links.to_failed(deployment):
        yield LeftOut("failure", deployment.id, "the verdict says that it did not fail")
    for name in relanded(deployment, classifier.in_order):
        yield (
            LeftOut("revert", name, "reverts a revert, which restores a change: no deployment failed") if name else None
        )
    if classifier.in_order.rollbacks.is_relanding(deployment):
        yield LeftOut(
            "rollback", deployment.id, "redeploys what was rolled back: no deployment failed, and it is not rework"
        )
