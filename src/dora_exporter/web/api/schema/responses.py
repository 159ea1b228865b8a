"""Events as the read endpoints show them: the names are Datadog's, times are ISO 8601."""

from msgspec import UNSET, Struct, UnsetType

from dora_exporter.dora.events import Commit, Deployment, Incident, Remediation
from dora_exporter.dora.failures.commit_text import commits_of
from dora_exporter.runtime.timestamps import iso

DEPLOYMENT_TYPE = "dora_deployment"
FAILURE_TYPE = "dora_failure"


class Reference(Struct, frozen=True):
    """An event by its id."""

    id: str
    type: str


class ReferenceAnswer(Struct, frozen=True):
    """The result of a write: the id of the event."""

    data: Reference


class ValidAnswer(Struct, frozen=True):
    """The key is valid."""

    valid: bool


class DeploymentGit(Struct, frozen=True):
    """The commit that runs, and its repository as ``host/path``."""

    commit_sha: str | None
    repository_id: str | None


class FailureGit(Struct, frozen=True):
    """The commit that failed, and its repository as ``host/path`` and as a URL."""

    commit_sha: str | None
    repository_id: str | None
    repository_url: str | None


class ShownCommit(Struct, frozen=True):
    """A commit that a deployment shipped, and when it was written."""

    sha: str
    timestamp: str


class ShownRemediation(Struct, frozen=True, omit_defaults=True):
    """What remedied a failed deployment."""

    type: str
    id: str | None = None
    version: str | None = None


class ShownDeployment(Struct, frozen=True, omit_defaults=True):
    """A deployment. ``change_failure`` is null without a verdict; ``duration`` is in seconds.

    ``outcome`` is there for an attempt that did not succeed: failed or canceled.

    ``git`` is what runs, ``further_git`` what was deployed with it from other repositories.
    """

    service: str
    env: str
    started_at: str
    finished_at: str
    duration: float
    source: str
    change_failure: bool | None
    version: str | None = None
    team: str | None = None
    git: DeploymentGit | None = None
    further_git: tuple[DeploymentGit, ...] = ()
    custom_tags: tuple[str, ...] = ()
    remediation: ShownRemediation | None = None
    outcome: str | None = None
    number_of_commits: int | UnsetType = UNSET
    commits: tuple[ShownCommit, ...] | UnsetType = UNSET


class ShownFailure(Struct, frozen=True, omit_defaults=True):
    """An incident. ``finished_at`` and ``time_to_restore`` (seconds) are absent while it is open."""

    services: tuple[str, ...]
    env: str
    started_at: str
    source: str
    finished_at: str | None = None
    time_to_restore: float | None = None
    name: str | None = None
    severity: str | None = None
    team: str | None = None
    version: str | None = None
    git: FailureGit | None = None
    custom_tags: tuple[str, ...] = ()


class DeploymentObject(Struct, frozen=True):
    """A deployment with its id."""

    id: str
    type: str
    attributes: ShownDeployment


class FailureObject(Struct, frozen=True):
    """An incident with its id."""

    id: str
    type: str
    attributes: ShownFailure


class DeploymentAnswer(Struct, frozen=True):
    """One deployment."""

    data: DeploymentObject


class FailureAnswer(Struct, frozen=True):
    """One incident."""

    data: FailureObject


class DeploymentsAnswer(Struct, frozen=True):
    """Deployments in the order asked for."""

    data: list[DeploymentObject]


class FailuresAnswer(Struct, frozen=True):
    """Incidents in the order asked for."""

    data: list[FailureObject]


def deployment(event: Deployment, *, with_commits: bool = False) -> DeploymentObject:
    """A deployment as it is shown. A list leaves the commits out: there can be 5000 in each."""
    commits = _commits_of(event)
    shown = ShownDeployment(
        service=event.service,
        env=event.environment,
        started_at=iso(event.started_at),
        finished_at=iso(event.finished_at),
        duration=(event.finished_at - event.started_at) / 1000,
        source=event.source,
        change_failure=None if event.verdict is None else event.verdict.change_failure,
        version=event.version,
        team=event.team,
        git=_deployment_git(event),
        further_git=tuple(DeploymentGit(each.commit_sha, each.repository) for each in event.further),
        custom_tags=event.tags,
        remediation=None if event.verdict is None else _remediation(event.verdict.remediation),
        outcome=event.outcome,
        number_of_commits=UNSET if commits is None else len(commits),
        commits=UNSET if commits is None or not with_commits else tuple(map(_commit, commits)),
    )
    return DeploymentObject(event.id, DEPLOYMENT_TYPE, shown)


def failure(event: Incident) -> FailureObject:
    """An incident as it is shown."""
    shown = ShownFailure(
        services=event.services,
        env=event.environment,
        started_at=iso(event.started_at),
        source=event.source,
        finished_at=None if event.finished_at is None else iso(event.finished_at),
        time_to_restore=None if event.finished_at is None else (event.finished_at - event.started_at) / 1000,
        name=event.name,
        severity=event.severity,
        team=event.team,
        version=event.version,
        git=_failure_git(event),
        custom_tags=event.tags,
    )
    return FailureObject(event.id, FAILURE_TYPE, shown)


def _commits_of(event: Deployment) -> tuple[Commit, ...] | None:
    return commits_of(event) if event.has_known_commits else None


def _commit(commit: Commit) -> ShownCommit:
    return ShownCommit(commit.sha, iso(commit.authored_at))


def _remediation(given: Remediation | None) -> ShownRemediation | None:
    return None if given is None else ShownRemediation(given.type, given.id, given.version)


def _deployment_git(event: Deployment) -> DeploymentGit | None:
    if event.commit_sha is None and event.repository is None:
        return None
    return DeploymentGit(event.commit_sha, event.repository)


def _failure_git(event: Incident) -> FailureGit | None:
    if event.commit_sha is None and event.repository is None:
        return None
    url = None if event.repository is None else f"https://{event.repository}"
    return FailureGit(event.commit_sha, event.repository, url)
