"""Turns GitHub's report of a deployment into an event, the same whether it was pushed or polled."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

import msgspec
from msgspec.structs import replace

from dora_exporter.dora import repository_names
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.reports import LEG
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.clamping import clamped_start
from dora_exporter.sources.contract import Ignored, Memory, Sink
from dora_exporter.sources.forges.begun import Begun
from dora_exporter.sources.forges.service_rules import first_match
from dora_exporter.sources.github.happened import Happened, NotUnderstood, Repository
from dora_exporter.sources.github.scope import Scope
from dora_exporter.sources.github.settings import GitHubSettings
from dora_exporter.sources.github.times import State, Times


@dataclass(frozen=True, kw_only=True)
class Reported:
    """A deployment as GitHub shows it. ``ref`` and ``is_transient`` are None where it does not say."""

    id: int
    repository: Repository
    sha: str
    environment: str
    task: str
    created_ms: int
    times: Times
    payload: object = None
    ref: str | None = None
    is_transient: bool | None = None


class DeploymentMapping:
    """The knowledge that a source's passes and webhooks share."""

    def __init__(self, name: str, settings: GitHubSettings, *, default_environment: str) -> None:
        """``name`` begins the ids."""
        self._name = name
        self._settings = settings
        self.scope = Scope(settings)
        self._environment = settings.environment or default_environment
        self._begun = Begun()

    def held(self, key: object, sink: Sink) -> Deployment | None:
        """What is known of an object of GitHub's."""
        return sink.deployment(self.event_id(key))

    def event_id(self, key: object) -> str:
        """The id that an object of GitHub's has here."""
        return f"{self._name}:{key}"

    def event(self, seen: Reported | Happened, sink: Sink) -> Deployment | Ignored:
        """The event of what GitHub says; raises ``NotUnderstood``."""
        return self._deployment(seen, sink) if isinstance(seen, Reported) else self._happened(seen, sink)

    def _deployment(self, seen: Reported, sink: Sink) -> Deployment | Ignored:
        """The event of a deployment, with what was known of it before."""
        before = self.held(seen.id, sink)
        facts = (before.upstream or {}) if before is not None else {}
        times = seen.times | Times.from_facts(facts) | Times(in_progress=self._begun.at(seen.id, sink))
        ref = facts.get("ref") or seen.ref
        if before is None and not self._is_wanted(seen, ref):
            return Ignored.FILTERED
        end, latest = times.end(), times.latest
        if end is None or latest is None:
            return Ignored.NO_EVENT
        state, finished_ms = end
        event_id, started_ms = self.event_id(seen.id), seen.created_ms
        if times.in_progress is not None and times.in_progress <= finished_ms:
            started_ms = times.in_progress
        found = self._event(event_id, seen.repository, environment=seen.environment, task=seen.task)
        kept = {"ref": ref, "task": seen.task, LEG: 1, **times.facts()}
        return _with_end(
            replace(
                found,
                service=_service_in(seen.payload) or found.service,
                started_at=clamped_start(event_id, started_ms, finished_ms, sink),
                finished_at=finished_ms,
                commit_sha=seen.sha,
                # It says all that was held and more: never older, also where an earlier beginning came in.
                revision=max(latest, (before.revision or 0) if before is not None else 0),
                upstream={key: value for key, value in kept.items() if value is not None},
            ),
            state,
        )

    def _happened(self, seen: Happened, sink: Sink) -> Deployment | Ignored:
        """The event of what is a deployment by itself."""
        before = self.held(seen.key, sink)
        if not self.scope.has_repository(seen.repository.full_name):
            return Ignored.FILTERED
        if before is not None and seen.is_time_guessed:
            return Ignored.OUTDATED
        found = self._event(self.event_id(seen.key), seen.repository, environment=self._environment, task=seen.task)
        return _with_end(
            replace(
                found,
                started_at=min(seen.started_ms, seen.finished_ms),
                finished_at=seen.finished_ms,
                version=seen.version,
                commit_sha=seen.sha or (before.commit_sha if before else None),
                revision=seen.revision,
            ),
            seen.state,
        )

    def lacks_details(self, seen: Reported, sink: Sink) -> bool:
        """Whether the filters ask for something that GitHub has not said of a deployment that they may let through."""
        scope = self.scope
        is_lacking = (scope.asks_for_refs and seen.ref is None) or (
            scope.asks_for_transience and seen.is_transient is None
        )
        return is_lacking and scope.has_environment(seen.environment, seen.task) and self.held(seen.id, sink) is None

    def begin(self, seen: Reported, sink: Sink, *, now_ms: int) -> Memory | None:
        """Keeps when a deployment began that goes on; what to note of it, for a source that is not polled."""
        began = seen.times.in_progress
        note = None if began is None else self._begun.add(seen.id, began, sink, now_ms=now_ms)
        return None if self._settings.is_polled else note

    def _is_wanted(self, seen: Reported, ref: str | None) -> bool:
        scope = self.scope
        return (
            scope.has_repository(seen.repository.full_name)
            and scope.has_environment(seen.environment, seen.task)
            and scope.has_ref(ref or "")
            and scope.has_transience(is_transient=bool(seen.is_transient))
        )

    def _event(self, event_id: str, repository: Repository, *, environment: str, task: str) -> Deployment:
        """The event with service, environment, team and repository by the settings, without its times."""
        rules = [each for each in self._settings.services if fnmatchcase(task, each.task)]
        rule, service = first_match(rules, repository.full_name, environment)
        try:
            address = repository_names.normalise(repository.url)
        except ValueError as reason:
            raise NotUnderstood(f"the URL of its repository {reason}") from None
        return Deployment(
            event_id,
            service or repository.name,
            (rule.set_environment if rule else None) or environment.strip() or self._environment,
            0,
            0,
            repository=address,
            team=rule.team if rule else None,
            source=self._name,
        )


def _with_end(event: Deployment, state: State) -> Deployment:
    return event if state == "succeeded" else replace(event, outcome=state)


def _service_in(payload: object) -> str | None:
    """The service that the creator of a deployment names: a payload may be an object, or text that is JSON."""
    for _ in range(2):
        if isinstance(payload, str):
            try:
                payload = msgspec.json.decode(payload)
            except FLAWS:
                return None
    service = payload.get("service") if isinstance(payload, dict) else None
    return service.strip() or None if isinstance(service, str) else None
