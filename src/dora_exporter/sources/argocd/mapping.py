"""Turns a sync of Argo CD into deployments."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec.structs import replace

from dora_exporter.dora.correlations import CONFIGURATION, IMAGES
from dora_exporter.dora.events import Deployment, Outcome
from dora_exporter.dora.images import Image, image
from dora_exporter.dora.records import Deletion
from dora_exporter.sources.argocd.changed_images import Images, images_after, is_told
from dora_exporter.sources.argocd.notification import NotUnderstood, Sync, Workload
from dora_exporter.sources.argocd.settings import ArgoCdSettings
from dora_exporter.sources.contract import TARGET, Ignored, Sink

_REVISION = "revision"
_DEPLOYED = "deployed"
_PHASE = "phase"
_FAILED_PHASES = ("Failed", "Error")
_SUCCEEDED = "Succeeded"
_OUTCOMES: Mapping[str, Outcome | None] = {"Healthy": None, "Degraded": "failed"}
_MOST_SERVICES = 100
_MOST_IMAGES = 500
"""More cost too much time and room: what is beyond looks new."""
_DIGITS = 8


@dataclass(frozen=True)
class Nothing:
    """Why a notification is no deployment."""

    reason: Ignored
    detail: str | None = None


_GOES_ON = Nothing(Ignored.NO_EVENT)
_IDLE = Nothing(Ignored.NO_EVENT, "self-heal, or a dry run")
_SAME = Nothing(Ignored.NO_EVENT, "neither the revision nor an image changed")
_UNCHANGED = Nothing(Ignored.NO_EVENT, "no image changed")
_OUTDATED = Nothing(Ignored.OUTDATED)


@dataclass(frozen=True)
class _Part:
    """A service of a sync, with its own images; ``key`` tells it from the sync's other services."""

    service: str
    environment: str
    team: str | None
    images: tuple[Image, ...]
    key: str = ""


class SyncMapping:
    """Decides what counts, and what it is called."""

    def __init__(self, name: str, settings: ArgoCdSettings, *, default_environment: str) -> None:
        """``name`` begins the ids."""
        self._name = name
        self._settings = settings
        self._environment = settings.environment or default_environment

    def items(self, sync: Sync, sink: Sink, *, now_ms: int) -> list[Deployment | Deletion] | Nothing:
        """The deployments of a sync, and the deletions that follow from it; raises ``NotUnderstood``."""
        has_failed = sync.phase in _FAILED_PHASES
        if not has_failed and (sync.phase != _SUCCEEDED or sync.health not in _OUTCOMES):
            return _GOES_ON
        if sync.is_idle:
            return _IDLE
        if sync.finished_ms is None:
            raise NotUnderstood("its operation has no valid end time")
        images, last = _compared(sync, sink)
        if not images.new:
            if last is not None and last.get(_REVISION) == sync.revision:
                return _SAME
            if not self._settings.count_unchanged_images and (is_told(sync) or not has_failed):
                return _UNCHANGED
        outcome = "failed" if has_failed else _OUTCOMES[sync.health]
        deployed = list(map(str, _in_order(images.deployed)))[:_MOST_IMAGES]
        event = partial(self._event, sync, deployed, outcome=outcome, revision=self._revision(sync, now_ms))
        found = [event(part) for part in self._parts(sync, images)]
        news = self._news(found, sink)
        idle = self._idle_since(sync, images, sink) if outcome is None else ()
        return [*news, *(Deletion("deployment", each.id, now_ms, self._name) for each in idle)] or _OUTDATED

    def _revision(self, sync: Sync, now_ms: int) -> int:
        """Since when the application has its health, if that is soon enough after the sync to tell how that ended."""
        finished_ms = sync.finished_ms or 0
        since_ms = max(finished_ms, now_ms if sync.health_since_ms is None else sync.health_since_ms)
        return since_ms if since_ms <= finished_ms + self._settings.degraded_within.ms else finished_ms - 1

    def _idle_since(self, sync: Sync, images: Images, sink: Sink) -> Iterator[Deployment]:
        """Later syncs that were told before this one, and as it now shows changed no image."""
        later = [each for each in sink.deployments_to(sync.uid) if each.started_at > sync.started_ms]
        for each in reversed(later):
            facts = each.upstream or {}
            is_same = facts.get(_REVISION) == sync.revision or not self._settings.count_unchanged_images
            if facts.get(_PHASE) != _SUCCEEDED or not (is_same and _images_in(facts) <= images.deployed):
                return
            yield each

    def _news(self, found: Iterable[Deployment], sink: Sink) -> list[Deployment]:
        """Those that are not held in a later state; a state that is held stays as it is."""
        pairs = [(each, sink.deployment(each.id)) for each in found]
        return [
            _with_commit_of(each, held)
            for each, held in pairs
            if held is None or (held.revision or 0) <= (each.revision or 0)
        ]

    def _event(
        self, sync: Sync, deployed: list[str], part: _Part, *, outcome: Outcome | None, revision: int
    ) -> Deployment:
        finished_ms = sync.finished_ms or 0
        return Deployment(
            f"{self._name}:{sync.uid}:{sync.started_ms}{part.key}",
            part.service,
            part.environment,
            min(sync.started_ms, finished_ms),
            finished_ms,
            version=part.images[0].version if part.images else sync.revision,
            team=part.team,
            source=self._name,
            tags=tuple(_tags(sync)),
            revision=revision,
            outcome=outcome,
            upstream={
                TARGET: sync.uid,
                _PHASE: sync.phase,
                _REVISION: sync.revision,
                _DEPLOYED: deployed,
                IMAGES: [str(each) for each in part.images],
                CONFIGURATION: list(sync.commits),
            },
        )

    def _parts(self, sync: Sync, images: Images) -> list[_Part]:
        """The services of a sync: those of what it changed where the application asks for it, else its own."""
        if sync.annotations.get("dd_multiservice", "").strip().lower() == "true":
            several = list(self._services_of_workloads(sync, images))[:_MOST_SERVICES]
            if several:
                return several
        name = sync.annotations.get("dd_service", "").strip() or None
        service, environment, team = self._called(sync, name, sync.application)
        new = _in_order(images.new)[:_MOST_IMAGES]
        return [_Part(service, environment, team, _own(new, service) or tuple(new))]

    def _services_of_workloads(self, sync: Sync, images: Images) -> Iterator[_Part]:
        found: dict[tuple[str, str, str | None], list[Workload]] = {}
        for each in sync.workloads:
            if each.is_changed and (each.service or each.runs_pods):
                called = self._called(sync, each.service, each.name, team=each.team)
                found.setdefault(called, []).append(each)
        new = _in_order(images.new)[:_MOST_IMAGES]
        own = {called: _images_of(called[0], workloads, new) for called, workloads in found.items()}
        unclaimed = tuple(_in_order(frozenset(new).difference(*own.values())))
        is_theirs = sum(not each for each in own.values()) == 1
        for (service, environment, team), theirs in own.items():
            if theirs or unclaimed or not images.new:
                yield _Part(service, environment, team, theirs or (unclaimed if is_theirs else ()), _key_of(service))

    def _called(
        self, sync: Sync, service: str | None, name: str, *, team: str | None = None
    ) -> tuple[str, str, str | None]:
        """Service, environment and team: annotations and labels come before the settings for this name."""
        entry = self._settings.services.get(name)
        environment = sync.annotations.get("dd_env", "").strip() or (entry.environment if entry else None)
        tagged = next((tag.removeprefix("team:") for tag in _tags(sync) if tag.startswith("team:")), None)
        return (
            service or (entry.service if entry else None) or name,
            environment or self._environment,
            team or tagged or (entry.team if entry else None),
        )


def _compared(sync: Sync, sink: Sink) -> tuple[Images, dict[str, Any] | None]:
    """The images of a sync beside those before it, and the facts of the last sync that applied its manifests.

    New is what the last success did not have; of what goes back to that, what a degraded one since then did not have.
    """
    applied: dict[str, Any] | None = None
    for each in sink.deployments_to(sync.uid):
        facts = each.upstream or {}
        if each.started_at >= sync.started_ms or facts.get(_PHASE) != _SUCCEEDED:
            continue
        applied = applied or facts
        if each.outcome is None:
            images = images_after(sync, _images_in(facts))
            return images if images.new else images_after(sync, _images_in(applied)), applied
    return images_after(sync, frozenset()), applied


def _with_commit_of(event: Deployment, held: Deployment | None) -> Deployment:
    """A commit that is held stays: its image may stand for another one by now."""
    if held is None or held.revision == event.revision:
        return held or event
    return replace(event, repository=held.repository, commit_sha=held.commit_sha)


def _images_in(facts: Mapping[str, Any]) -> frozenset[Image]:
    return frozenset(filter(None, map(image, facts.get(_DEPLOYED, ()))))


def _tags(sync: Sync) -> Iterator[str]:
    for each in sync.annotations.get("dd_customtags", "").split(","):
        if tag := each.strip():
            yield tag


def _images_of(service: str, workloads: Iterable[Workload], new: list[Image]) -> tuple[Image, ...]:
    """The new images of a service: those of its workloads, or where that is not told those that are called like it."""
    told = [each.images for each in workloads if each.images is not None]
    return tuple(_in_order(frozenset(new) & frozenset().union(*told))) if told else _own(new, service)


def _own(images: Iterable[Image], service: str) -> tuple[Image, ...]:
    """The images whose names contain the service's, which is how Datadog tells them apart."""
    name = service.lower()
    return tuple(each for each in images if name in each.repository)


def _in_order(images: Iterable[Image]) -> list[Image]:
    return sorted(images, key=str)


def _key_of(service: str) -> str:
    return ":" + hashlib.blake2b(service.encode("utf-8", "replace"), digest_size=_DIGITS // 2).hexdigest()
