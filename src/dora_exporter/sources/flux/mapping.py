"""Turns what Flux reconciled into deployments: each revision once, until another one was there."""

import hashlib
from collections.abc import Mapping

from msgspec.structs import replace

from dora_exporter.dora.correlations import CONFIGURATION, IMAGES
from dora_exporter.dora.events import Deployment
from dora_exporter.dora.images import LONGEST
from dora_exporter.sources.contract import TARGET, Sink
from dora_exporter.sources.flux.events import Reconciled
from dora_exporter.sources.flux.settings import FluxSettings
from dora_exporter.sources.http.pushed_settings import MappedService

_DIGEST_BYTES = 8
_ARTIFACT = "artifact@"
"""Stands for the name of an artifact that Flux tells by its digest alone."""


class RevisionMapping:
    """Decides what is new, and what it is called."""

    def __init__(self, name: str, settings: FluxSettings, *, default_environment: str) -> None:
        """``name`` begins the ids."""
        self._name = name
        self._services: Mapping[str, MappedService] = settings.services
        self._environment = settings.environment or default_environment

    def deployment(self, seen: Reconciled, sink: Sink) -> Deployment | None:
        """The deployment to be written; None where the revision was there before."""
        before, after = _around(seen, sink)
        if before is not None and _revision_of(before) == seen.revision:
            return None
        if seen.outcome is not None:
            return self._attempt(seen, sink)
        if after is not None and _revision_of(after) == seen.revision:
            return replace(after, started_at=seen.at_ms, finished_at=seen.at_ms)
        return self._event(seen, str(seen.at_ms))

    def _attempt(self, seen: Reconciled, sink: Sink) -> Deployment | None:
        """A revision that fails is tried again and again, and is one attempt, at its first failure."""
        event = self._event(seen, f"failed:{_digest(seen.revision)}")
        held = sink.deployment(event.id)
        if held is None:
            return event
        # A commit that is held stays: its image may stand for another one by now.
        kept = replace(event, repository=held.repository, commit_sha=held.commit_sha)
        return kept if seen.at_ms < held.finished_at else None

    def _event(self, seen: Reconciled, key: str) -> Deployment:
        said = seen.metadata
        entry = self._services.get(f"{seen.namespace}/{seen.name}") or self._services.get(seen.name)
        image = said.get("image", "").strip()
        return Deployment(
            f"{self._name}:{_digest(seen.target)}:{key}",
            said.get("service", "").strip() or (entry.service if entry else None) or seen.name,
            said.get("env", "").strip()
            or said.get("environment", "").strip()
            or (entry.environment if entry else None)
            or self._environment,
            seen.at_ms,
            seen.at_ms,
            version=seen.revision,
            team=said.get("team", "").strip() or (entry.team if entry else None),
            source=self._name,
            outcome=seen.outcome,
            upstream={
                TARGET: seen.target,
                "revision": seen.revision,
                IMAGES: [
                    *((image,) if 0 < len(image) <= LONGEST else ()),
                    *(_ARTIFACT + digest for digest in seen.digests),
                ],
                CONFIGURATION: list(seen.shas),
            },
        )


def _around(seen: Reconciled, sink: Sink) -> tuple[Deployment | None, Deployment | None]:
    """The object's last deployment up to that moment, and the first one after it."""
    after = None
    for each in sink.deployments_to(seen.target):
        if each.outcome is None:
            if each.finished_at <= seen.at_ms:
                return each, after
            after = each
    return None, after


def _revision_of(deployment: Deployment) -> object:
    return (deployment.upstream or {}).get("revision")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).hexdigest()
