"""Reads the events of Flux's notification controller."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dora_exporter.dora.events import Outcome
from dora_exporter.sources.contract import Ignored
from dora_exporter.sources.http.timestamps import moment

_GROUPS = {"Kustomization": "kustomize.toolkit.fluxcd.io", "HelmRelease": "helm.toolkit.fluxcd.io"}
_SUCCEEDED = frozenset({"ReconciliationSucceeded", "InstallSucceeded", "UpgradeSucceeded", "RollbackSucceeded"})
_FAILED = frozenset(
    {
        "BuildFailed",
        "HealthCheckFailed",
        "InstallFailed",
        "PruneFailed",
        "ReconciliationFailed",
        "RollbackFailed",
        "TestFailed",
        "TestsFailed",
        "UpgradeFailed",
        "ValidationFailed",
    }
)
_ERROR = "error"
_OWN = "event.toolkit.fluxcd.io/"
_GIT = re.compile(r"(?:[@:/]|^)([0-9a-f]{40}(?:[0-9a-f]{24})?)(?![0-9a-f])")
_OCI = re.compile(r"(?:^|@)(sha256:[0-9a-f]{64})")
_NAME = re.compile(r"[0-9A-Za-z._:-]{1,253}")
_UID = re.compile("[0-9A-Za-z-]{1,40}")
_LONGEST_REVISION = 1000


class NotUnderstood(Exception):
    """An event that cannot become a deployment."""


class Head(msgspec.Struct, frozen=True):
    """What every event has."""

    reason: str


class _Object(msgspec.Struct, frozen=True):
    kind: str
    name: str
    namespace: str = ""
    uid: str = ""


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    involved_object: _Object
    reason: str
    timestamp: str
    severity: str = ""
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """A revision that an object deployed, or failed to deploy.

    ``metadata`` has what the alert and the object's annotations add. ``shas`` are commits of the configuration,
    ``digests`` those of an artifact of a registry.
    """

    target: str
    name: str
    namespace: str
    revision: str
    at_ms: int
    outcome: Outcome | None
    shas: tuple[str, ...]
    digests: tuple[str, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)


def read(body: bytes, *, now_ms: int) -> Reconciled | Ignored:
    """What an event says; raises ``NotUnderstood`` and what decoding raises."""
    event = msgspec.json.decode(body, type=_Event)
    found = event.involved_object
    group = _GROUPS.get(found.kind)
    if group is None:
        return Ignored.UNKNOWN_EVENT
    has_failed = event.severity == _ERROR
    if event.reason not in (_FAILED if has_failed else _SUCCEEDED):
        return Ignored.NO_EVENT
    metadata = {_key(name, group): text for name, text in (event.metadata or {}).items() if isinstance(text, str)}
    revision = metadata.get("revision", "").strip()
    if not revision:
        return Ignored.NO_EVENT
    at_ms = moment(event.timestamp, now_ms=now_ms)
    if at_ms is None:
        raise NotUnderstood("it has no valid time")
    if not (_NAME.fullmatch(found.name) and _NAME.fullmatch(found.namespace or "-")):
        raise NotUnderstood("its object has no valid Kubernetes name")
    if len(revision) > _LONGEST_REVISION:
        raise NotUnderstood(f"its revision is longer than {_LONGEST_REVISION} characters")
    origin = metadata.get("originRevision", "")
    return Reconciled(
        target=found.uid if _UID.fullmatch(found.uid) else f"{found.kind}/{found.namespace}/{found.name}",
        name=found.name,
        namespace=found.namespace,
        revision=revision,
        at_ms=at_ms,
        outcome="failed" if has_failed else None,
        shas=tuple(_without_digests(text) for text in (origin, revision) if _without_digests(text)),
        digests=tuple(
            digest
            for text in (revision, metadata.get("oci-digest", "")[:_LONGEST_REVISION])
            for digest in _OCI.findall(text)
        ),
        metadata=metadata,
    )


def _key(name: str, group: str) -> str:
    """A key without the group that controllers and annotations put before it."""
    return name.removeprefix(f"{group}/").removeprefix(_OWN)


def _without_digests(revision: str) -> str:
    """The commit of a revision such as ``main@sha1:...`` or ``main/...``; empty where it is none."""
    found = _GIT.search(_OCI.sub("", revision))
    return found[1] if found else ""
