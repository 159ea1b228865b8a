"""Reads GitHub's webhook deliveries."""

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Delivery, Ignored, Unreadable
from dora_exporter.sources.github import happened
from dora_exporter.sources.github.happened import Happened, Repository, Run, moment
from dora_exporter.sources.github.mapping import Reported
from dora_exporter.sources.github.scope import Scope
from dora_exporter.sources.github.times import Times

_FORM = "application/x-www-form-urlencoded"
_SHA = re.compile("[0-9a-f]{40}([0-9a-f]{24})?")
_BRANCH = "refs/heads/"
_TAG = "refs/tags/"


class _Repository(msgspec.Struct, frozen=True):
    id: int
    full_name: str
    clone_url: str
    pushed_at: int | str | None = None


class _Deployment(msgspec.Struct, frozen=True):
    id: int
    sha: str
    environment: str
    created_at: str
    task: str | None = None
    ref: str | None = None
    payload: Any = None
    transient_environment: bool | None = None


class _Status(msgspec.Struct, frozen=True):
    state: str
    created_at: str


class _Release(msgspec.Struct, frozen=True):
    id: int
    tag_name: str
    draft: bool = False
    prerelease: bool = False
    published_at: str | None = None
    target_commitish: str | None = None


class _Commit(msgspec.Struct, frozen=True):
    id: str


class _StatusEvent(msgspec.Struct, frozen=True):
    deployment_status: _Status
    deployment: _Deployment
    repository: _Repository


class _ReleaseEvent(msgspec.Struct, frozen=True):
    release: _Release
    repository: _Repository


class _RunEvent(msgspec.Struct, frozen=True):
    workflow_run: Run
    repository: _Repository


class _PushEvent(msgspec.Struct, frozen=True):
    ref: str
    after: str
    repository: _Repository
    deleted: bool = False
    head_commit: _Commit | None = None


class _Action(msgspec.Struct, frozen=True):
    action: str | None = None


Found = Reported | Happened | Ignored


def json_of(delivery: Delivery, body: bytes) -> bytes:
    """The JSON of a delivery, which GitHub may also send as a form; raises ``Unreadable`` for anything else."""
    if delivery.headers.get("Content-Type", "").lower().startswith(_FORM):
        try:
            fields = parse_qs(body.decode(), max_num_fields=10)
        except ValueError:
            fields = {}
        body = "".join(fields.get("payload", [])).encode()
    body = body.removeprefix(BOM_UTF8)
    try:
        msgspec.json.decode(body, type=_Action)
    except FLAWS as reason:
        raise Unreadable(f"the body is not an event as GitHub sends it: {reason}") from None
    return body


def read(kind: str, body: bytes, scope: Scope, *, now_ms: int) -> Found:
    """What a delivery says; raises ``NotUnderstood`` and what decoding raises for an object that is malformed."""
    if kind == "ping":
        return Ignored.TEST
    reader = _READERS.get(kind)
    return reader(body, scope, now_ms) if reader else Ignored.UNKNOWN_EVENT


def _status(body: bytes, scope: Scope, now_ms: int) -> Found:
    if not scope.has_trigger("deployment"):
        return Ignored.FILTERED
    if _action(body) != "created":
        return Ignored.UNKNOWN_EVENT
    event = msgspec.json.decode(body, type=_StatusEvent)
    shown, status = event.deployment, event.deployment_status
    return Reported(
        id=shown.id,
        repository=_repository(event.repository),
        sha=shown.sha,
        environment=shown.environment,
        task=shown.task or "",
        created_ms=moment(shown.created_at, now_ms),
        times=Times.of(status.state, moment(status.created_at, now_ms)),
        payload=shown.payload,
        ref=(shown.ref or "").removeprefix(_BRANCH).removeprefix(_TAG) or None,
        is_transient=shown.transient_environment,
    )


def _created(_body: bytes, scope: Scope, _now_ms: int) -> Found:
    """A deployment that begins has no state yet."""
    return Ignored.NO_EVENT if scope.has_trigger("deployment") else Ignored.FILTERED


def _release(body: bytes, scope: Scope, now_ms: int) -> Found:
    if not scope.has_trigger("release"):
        return Ignored.FILTERED
    event = msgspec.json.decode(body, type=_ReleaseEvent)
    release = event.release
    if _action(body) != "published" or release.draft or release.prerelease:
        return Ignored.NO_EVENT
    commit = release.target_commitish or ""
    return happened.release(
        release.id,
        _repository(event.repository),
        tag=release.tag_name,
        sha=commit if _SHA.fullmatch(commit) else None,
        published_ms=moment(release.published_at, now_ms),
    )


def _run(body: bytes, scope: Scope, now_ms: int) -> Found:
    if not scope.has_trigger("workflow_run"):
        return Ignored.FILTERED
    event = msgspec.json.decode(body, type=_RunEvent)
    found = happened.run(event.workflow_run, _repository(event.repository), scope, now_ms=now_ms)
    return found if _action(body) == "completed" or found is Ignored.FILTERED else Ignored.NO_EVENT


def _push(body: bytes, scope: Scope, now_ms: int) -> Found:
    """A tag that was pushed. An annotated one has a SHA of its own, so its commit is asked for first."""
    if not scope.has_trigger("tag"):
        return Ignored.FILTERED
    event = msgspec.json.decode(body, type=_PushEvent)
    if event.deleted or not event.ref.startswith(_TAG):
        return Ignored.NO_EVENT
    if not scope.has_ref(name := event.ref.removeprefix(_TAG)):
        return Ignored.FILTERED
    pushed = event.repository.pushed_at
    return happened.tag(
        event.repository.id,
        _repository(event.repository),
        name=name,
        sha=event.head_commit.id if event.head_commit else event.after,
        at_ms=pushed * 1000 if isinstance(pushed, int) else moment(pushed, now_ms),
        is_guess=False,
    )


_READERS: Mapping[str, Callable[[bytes, Scope, int], Found]] = {
    "deployment": _created,
    "deployment_status": _status,
    "push": _push,
    "release": _release,
    "workflow_run": _run,
}


def _action(body: bytes) -> str | None:
    return msgspec.json.decode(body, type=_Action).action


def _repository(shown: _Repository) -> Repository:
    return Repository(full_name=shown.full_name, url=shown.clone_url)
