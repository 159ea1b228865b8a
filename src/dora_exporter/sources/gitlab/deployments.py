"""Turns GitLab's reports into deployments, pushed or polled, in any order."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from dora_exporter.dora import repository_names
from dora_exporter.dora.events import Deployment, Outcome
from dora_exporter.sources.clamping import clamped_start
from dora_exporter.sources.contract import Ignored, Memory, Sink
from dora_exporter.sources.forges.begun import Begun
from dora_exporter.sources.forges.service_rules import first_match
from dora_exporter.sources.gitlab.reports import NotUnderstood, Project, ReportedDeployment
from dora_exporter.sources.gitlab.scope import Scope
from dora_exporter.sources.gitlab.settings import GitLabSettings

ENDS: Mapping[str, Outcome | None] = {"success": None, "failed": "failed", "canceled": "canceled"}
"""The states in which a deployment is over, with its outcome here."""
_RUNNING = "running"
_BEGAN = "began"
_POLLED = "polled"


class DeploymentMapping:
    """The knowledge about deployments that a source's passes and webhooks share.

    GitLab's API knows more than its webhooks, so of the same outcome the API's words stay.
    """

    def __init__(self, name: str, settings: GitLabSettings, *, default_environment: str) -> None:
        """``name`` begins the ids."""
        self._name = name
        self._settings = settings
        self._scope = Scope(settings)
        self._default_environment = default_environment
        self._begun = Begun()

    def event(self, seen: ReportedDeployment, sink: Sink) -> Deployment | Ignored:
        """The event to write; raises ``NotUnderstood``."""
        event_id = f"{self._name}:{seen.id}"
        held = sink.deployment(event_id)
        if held is None and not self._is_wanted(seen):
            return Ignored.FILTERED
        if seen.status not in ENDS:
            return _begun_earlier(seen, held)
        if held is not None and _is_outdated(seen, held):
            return Ignored.OUTDATED
        return self._ended(event_id, seen, held, sink)

    def begin(self, seen: ReportedDeployment, sink: Sink, *, now_ms: int) -> Memory | None:
        """Remembers when a deployment began that goes on; gives what to note of it."""
        if seen.status != _RUNNING or not self._is_wanted(seen):
            return None
        return self._begun.add(seen.id, seen.at_ms, sink, now_ms=now_ms)

    def _ended(self, event_id: str, seen: ReportedDeployment, held: Deployment | None, sink: Sink) -> Deployment:
        facts = _facts(held)
        began = seen.started_ms or facts.get(_BEGAN) or self._begun.at(seen.id, sink)
        kept = {
            "ref": seen.ref or facts.get("ref"),
            "tier": seen.tier or facts.get("tier"),
            _BEGAN: began,
            _POLLED: seen.is_polled or None,
        }
        return replace(
            self._named(event_id, seen.project, seen.environment),
            started_at=clamped_start(event_id, began or seen.finished_ms, seen.finished_ms, sink),
            finished_at=seen.finished_ms,
            commit_sha=seen.sha or (held.commit_sha if held else None),
            revision=max(seen.at_ms, (held.revision or 0) if held else 0),
            outcome=ENDS[seen.status],
            upstream={key: value for key, value in kept.items() if value is not None},
        )

    def _named(self, event_id: str, project: Project, environment: str) -> Deployment:
        """The event with service, environment, team and repository by the settings, without its times."""
        rule, service = first_match(self._settings.services, project.path, environment)
        named = (rule.set_environment if rule else None) or environment.strip() or self._default_environment
        return Deployment(
            event_id,
            service or project.name,
            named,
            0,
            0,
            repository=_repository(project),
            team=rule.team if rule else None,
            source=self._name,
        )

    def _is_wanted(self, seen: ReportedDeployment) -> bool:
        return self._scope.has_project(seen.project.path) and self._scope.has_environment(seen.environment, seen.tier)


def _repository(project: Project) -> str:
    try:
        return repository_names.normalise(project.url)
    except ValueError as reason:
        raise NotUnderstood(f"the URL of its project {reason}") from None


def _facts(held: Deployment | None) -> dict[str, Any]:
    return (held.upstream or {}) if held is not None else {}


def _begun_earlier(seen: ReportedDeployment, held: Deployment | None) -> Deployment | Ignored:
    """The held event with the beginning that a late webhook tells."""
    if held is None or seen.status != _RUNNING or _BEGAN in _facts(held):
        return Ignored.NO_EVENT
    started_ms = min(seen.at_ms, held.finished_at)
    return replace(held, started_at=started_ms, upstream={**_facts(held), _BEGAN: seen.at_ms})


def _is_outdated(seen: ReportedDeployment, held: Deployment) -> bool:
    is_older = seen.at_ms < (held.revision or 0)
    if held.outcome != ENDS[seen.status]:
        return is_older
    return not seen.is_polled and (is_older or _POLLED in _facts(held))
