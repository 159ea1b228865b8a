"""Reads the notifications of Argo CD: an Application as Kubernetes holds it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dora_exporter.dora.images import Image, image
from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Unreadable
from dora_exporter.sources.http.timestamps import moment

SERVICE_LABEL = "tags.datadoghq.com/service"
_TEAM_LABEL = "team"
_MOST_IMAGES = 500
_MOST_WORKLOADS = 300
"""More of them cost too much time, and are passed over."""
_SHA = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")
_UID = re.compile("[0-9A-Za-z-]{1,40}")
_PODS = frozenset({"Deployment", "Rollout", "ReplicaSet", "StatefulSet", "DaemonSet", "Pod", "Job", "CronJob"})
_LABELLED = _PODS | {"Service"}


class NotUnderstood(Exception):
    """An application that cannot become events."""


class _Body(msgspec.Struct, frozen=True):
    app: msgspec.Raw


class _Metadata(msgspec.Struct, frozen=True):
    name: str
    uid: str
    annotations: dict[str, Any] | None = None


class _ResourceMetadata(msgspec.Struct, frozen=True):
    labels: dict[str, Any] | None = None


class _Labelled(msgspec.Struct, frozen=True):
    kind: str = ""
    name: str = ""
    labels: dict[str, Any] | None = None
    metadata: _ResourceMetadata | None = None


class _Resource(msgspec.Struct, frozen=True, rename="camel"):
    kind: str = ""
    name: str = ""
    message: str | None = None
    hook_type: str | None = None
    images: list[str] | None = None
    labels: dict[str, Any] | None = None
    metadata: _ResourceMetadata | None = None


class _SyncResult(msgspec.Struct, frozen=True):
    revision: str | None = None
    revisions: list[str] | None = None
    resources: list[_Resource] | None = None


class _SyncOperation(msgspec.Struct, frozen=True, rename="camel"):
    dry_run: bool | None = None
    auto_heal_attempts_count: int | None = None


class _Operation(msgspec.Struct, frozen=True):
    sync: _SyncOperation | None = None


class _OperationState(msgspec.Struct, frozen=True, rename="camel"):
    phase: str
    started_at: str
    finished_at: str | None = None
    operation: _Operation | None = None
    sync_result: _SyncResult | None = None


class _Health(msgspec.Struct, frozen=True, rename="camel"):
    status: str | None = None
    last_transition_time: str | None = None


class _Summary(msgspec.Struct, frozen=True):
    images: list[str] | None = None


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    operation_state: _OperationState | None = None
    health: _Health | None = None
    summary: _Summary | None = None
    reconciled_at: str | None = None
    resources: list[_Labelled] | None = None


class _Application(msgspec.Struct, frozen=True):
    metadata: _Metadata
    status: _Status | None = None


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A resource that a sync applied. ``images`` is None where Argo CD does not say which they are.

    ``service`` and ``team`` are those of its labels. ``is_changed`` is true also where it is not told, as by a
    server-side apply.
    """

    name: str
    service: str | None
    team: str | None
    runs_pods: bool
    is_changed: bool
    images: frozenset[Image] | None


@dataclass(frozen=True, kw_only=True)
class Sync:
    """An operation of an application, with the application's health, and since when it has that if that is known.

    ``commits`` are the SHAs of the configuration. ``running`` are the images of all pods,
    among them those that are about to end. ``is_idle`` says that the operation is to change nothing.
    """

    uid: str
    application: str
    phase: str
    health: str
    health_since_ms: int | None
    started_ms: int
    finished_ms: int | None
    is_idle: bool
    revision: str | None
    commits: tuple[str, ...]
    workloads: tuple[Workload, ...]
    running: frozenset[Image]
    annotations: dict[str, str] = field(default_factory=dict)


def application_in(body: bytes) -> msgspec.Raw:
    """The application of a notification; raises ``Unreadable`` where there is none."""
    try:
        return msgspec.json.decode(body, type=_Body).app
    except FLAWS as reason:
        raise Unreadable(f"the body is not a notification with an application: {reason}") from None


def sync_in(app: msgspec.Raw, *, now_ms: int) -> Sync | None:
    """The latest operation of an application, None before the first.

    Raises ``NotUnderstood`` and what decoding raises.
    """
    found = msgspec.json.decode(app, type=_Application)
    status = found.status or _Status()
    state = status.operation_state
    if state is None:
        return None
    if not _UID.fullmatch(found.metadata.uid):
        raise NotUnderstood("its uid is not a Kubernetes UID")
    started_ms = moment(state.started_at, now_ms=now_ms)
    if started_ms is None:
        raise NotUnderstood("its operation has no valid time")
    result = state.sync_result or _SyncResult()
    asked = (state.operation.sync if state.operation else None) or _SyncOperation()
    health = status.health or _Health()
    listed = {(each.kind, each.name): _labels(each) for each in status.resources or ()}
    applied = [each for each in result.resources or () if each.kind in _LABELLED and not each.hook_type]
    return Sync(
        uid=found.metadata.uid,
        application=found.metadata.name,
        phase=state.phase,
        health=health.status or "",
        health_since_ms=moment(health.last_transition_time or status.reconciled_at, now_ms=now_ms),
        started_ms=started_ms,
        finished_ms=moment(state.finished_at, now_ms=now_ms),
        is_idle=bool(asked.dry_run) or bool(asked.auto_heal_attempts_count),
        revision=", ".join(filter(None, result.revisions or (result.revision,))) or None,
        commits=tuple(filter(_SHA.fullmatch, result.revisions or (result.revision or "",))),
        workloads=tuple(_workload(each, listed) for each in applied[:_MOST_WORKLOADS]),
        running=_images((status.summary.images if status.summary else None) or ()),
        annotations={name: text for name, text in (found.metadata.annotations or {}).items() if isinstance(text, str)},
    )


def _workload(resource: _Resource, listed: Mapping[tuple[str, str], dict[str, Any] | None]) -> Workload:
    labels = _labels(resource) or listed.get((resource.kind, resource.name)) or {}
    return Workload(
        name=resource.name,
        service=_text(labels.get(SERVICE_LABEL)),
        team=_text(labels.get(_TEAM_LABEL)),
        runs_pods=resource.kind in _PODS,
        is_changed=not (resource.message or "").endswith(" unchanged"),  # as kubectl apply says it
        images=None if resource.images is None else _images(resource.images),
    )


def _labels(resource: _Resource | _Labelled) -> dict[str, Any] | None:
    return resource.labels or (resource.metadata.labels if resource.metadata else None)


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _images(names: Sequence[str]) -> frozenset[Image]:
    return frozenset(filter(None, map(image, names[:_MOST_IMAGES])))
