"""Validated requests into events: the rules that involve several attributes of a deployment or an incident."""

from collections.abc import Callable, Mapping, Sequence

from dora_exporter.dora import derived_ids, repository_names
from dora_exporter.dora.commit_messages import parse_commit
from dora_exporter.dora.events import FAILED_OUTCOMES, SUCCEEDED, Checkout, Commit, Deployment, Incident, Outcome
from dora_exporter.dora.store import EventStore
from dora_exporter.runtime.clock import Clock
from dora_exporter.web.api.schema import fields
from dora_exporter.web.api.schema.requests import (
    BulkCommit,
    BulkDeployment,
    BulkFailure,
    Git,
    GivenCommit,
    GivenDeployment,
    GivenFailure,
)
from dora_exporter.web.server.errors import BadAttribute
from dora_exporter.web.server.limits import CurrentRules, Rules

TOO_OLD = "is older than the retention"
"""The problem of an event that is refused for its age."""

_OUTCOMES: Mapping[str, Outcome | None] = {SUCCEEDED: None, **{each: each for each in FAILED_OUTCOMES}}
IsPending = Callable[[str], bool]
"""Whether an event of an id, which the store does not hold, is about to be stored."""


def _nothing(_event_id: str) -> bool:
    return False


class EventFactory:
    """Makes events of decoded attributes, or raises ``BadRequest``."""

    def __init__(self, *, store: EventStore, clock: Clock, rules: CurrentRules) -> None:
        """``store`` says which ids are held: their updates are never refused for age."""
        self._store = store
        self._clock = clock
        self._rules = rules

    def deployment(self, given: GivenDeployment | BulkDeployment, is_pending: IsPending = _nothing) -> Deployment:
        """A deployment to keep."""
        now, rules = self._clock(), self._rules.now
        service = fields.label(given.service, "service")
        environment = _environment(given, rules)
        started_at = _past(given.started_at, "started_at", now)
        finished_at = _finish(given.finished_at, started_at, now)
        version = fields.optional(given.version, "version")
        commit_sha, repository, further = _checkouts(given.git)
        event_id = _given_id(given) or derived_ids.deployment_id(
            service=service,
            environment=environment,
            started_at=started_at,
            finished_at=finished_at,
            version=version,
            commit_sha=commit_sha,
            further=tuple([each.commit_sha for each in further]),
        )
        if finished_at < now - rules.retention_ms and not (event_id in self._store.deployments or is_pending(event_id)):
            raise BadAttribute("finished_at", TOO_OLD)
        return Deployment(
            id=event_id,
            service=service,
            environment=environment,
            started_at=started_at,
            finished_at=finished_at,
            version=version,
            commit_sha=commit_sha,
            repository=repository,
            team=fields.optional_label(given.team, "team"),
            tags=fields.tags(given.custom_tags, "custom_tags"),
            commits=None if given.commits is None else _commits(given.commits),
            further=further,
            outcome=_outcome(given.outcome),
        )

    def incident(self, given: GivenFailure | BulkFailure, is_pending: IsPending = _nothing) -> Incident:
        """An incident to keep."""
        now, rules = self._clock(), self._rules.now
        services = fields.services(given.services, given.service)
        team = fields.optional_label(given.team, "team")
        if not services and team is None:
            raise BadAttribute("services", "or team is required")
        environment = _environment(given, rules)
        started_at = _past(given.started_at, "started_at", now)
        finished_at = None if given.finished_at is None else _finish(given.finished_at, started_at, now)
        commit_sha, repository, _ = _checkouts(given.git)
        event_id = _given_id(given) or self._incident_id(services, team, environment, started_at)
        is_old = finished_at is not None and finished_at < now - rules.retention_ms
        if is_old and not (event_id in self._store.incidents or is_pending(event_id)):
            raise BadAttribute("finished_at", TOO_OLD)
        return Incident(
            id=event_id,
            services=services,
            environment=environment,
            started_at=started_at,
            finished_at=finished_at,
            name=fields.title(given.name, "name"),
            severity=fields.optional(given.severity, "severity"),
            team=team,
            version=fields.optional(given.version, "version"),
            commit_sha=commit_sha,
            repository=repository,
            tags=fields.tags(given.custom_tags, "custom_tags"),
        )

    def _incident_id(self, services: tuple[str, ...], team: str | None, environment: str, started_at: int) -> str:
        former, current = (
            made(services=services, team=team, environment=environment, started_at=started_at)
            for made in (derived_ids.former_incident_id, derived_ids.incident_id)
        )
        return former if former in self._store.incidents else current


def _environment(given: GivenDeployment | BulkDeployment | GivenFailure | BulkFailure, rules: Rules) -> str:
    return (
        fields.optional_label(given.env, "env")
        or fields.optional_label(given.environment, "environment")
        or rules.default_environment
    )


def _given_id(given: GivenDeployment | BulkDeployment | GivenFailure | BulkFailure) -> str | None:
    """The sender's id. Datadog's own paths want longer ones, as theirs do."""
    if given.id is None:
        return None
    is_own_path = isinstance(given, BulkDeployment | BulkFailure)
    return fields.identifier(given.id, "id", least=fields.LEAST_OWN_ID if is_own_path else fields.LEAST_ID)


def _outcome(given: str | None) -> Outcome | None:
    if given is None:
        return None
    if given not in _OUTCOMES:
        raise BadAttribute("outcome", f'must be one of "{" ".join(_OUTCOMES)}"')
    return _OUTCOMES[given]


def _past(given: int | str, name: str, now: int) -> int:
    """A time in milliseconds. Clocks differ, so it may be a little ahead."""
    moment = fields.milliseconds(given, name)
    if moment < fields.EARLIEST_MS:
        raise BadAttribute(name, "is before the year 2000")
    if moment > now + fields.FUTURE_MS:
        raise BadAttribute(name, "is more than 10 minutes ahead of the clock")
    return moment


def _finish(given: int | str, started_at: int, now: int) -> int:
    finished_at = _past(given, "finished_at", now)
    if finished_at < started_at:
        raise BadAttribute("finished_at", "must not be before started_at")
    return finished_at


def _checkouts(given: Git | Sequence[Git] | None) -> tuple[str | None, str | None, tuple[Checkout, ...]]:
    """The SHA and the repository of what runs, and the commits of further repositories, each repository once."""
    if not given:
        return None, None, ()
    if isinstance(given, Git):
        sha = fields.sha(given.commit_sha, "git.commit_sha")
        return sha, fields.repository(given.repository_url, "git.repository_url"), ()
    if len(given) > fields.MAX_REPOSITORIES:
        raise BadAttribute("git", f"must not have more than {fields.MAX_REPOSITORIES} repositories")
    found: dict[str, Checkout] = {}
    for index, each in enumerate(given):
        name = f"git[{index}]"
        sha = fields.sha(each.commit_sha, f"{name}.commit_sha")
        checkout = Checkout(fields.repository(each.repository_url, f"{name}.repository_url"), sha)
        if found.setdefault(repository_names.key(checkout.repository), checkout).commit_sha != checkout.commit_sha:
            raise BadAttribute(f"{name}.repository_url", "is listed twice, with different commit_sha")
    first, *further = found.values()
    return first.commit_sha, first.repository, tuple(further)


def _commits(given: Sequence[GivenCommit | BulkCommit]) -> tuple[Commit, ...]:
    """The newest ones, each SHA once: the first time at which it was written."""
    commits: dict[str, Commit] = {}
    for index, each in enumerate(given):
        sha = fields.sha(each.sha, f"commits[{index}].sha")
        moment = fields.milliseconds(each.timestamp, f"commits[{index}].timestamp")
        if sha not in commits or moment < commits[sha].authored_at:
            commits[sha] = parse_commit(sha, moment, each.message or "")
    newest = sorted(commits.values(), key=lambda commit: (-commit.authored_at, commit.sha))
    return tuple(newest[: fields.MAX_COMMITS])
