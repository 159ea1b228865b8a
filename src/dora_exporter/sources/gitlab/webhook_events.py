"""Reads GitLab's webhook deliveries."""

import re
from codecs import BOM_UTF8

import msgspec

from dora_exporter.sources.contract import Ignored
from dora_exporter.sources.gitlab.reports import (
    Project,
    ReportedDeployment,
    ReportedIncident,
    known_moment,
    known_severity,
    moment,
)

_SHA = re.compile("(?:^|/)([0-9a-f]{40}(?:[0-9a-f]{24})?)$")
_CLOSED = "closed"
_INCIDENT = "incident"
_ISSUES = ("issue", "incident", "work_item")
"""Incidents come as issues or, from newer versions, as work items whose type says that they are one."""


class Head(msgspec.Struct, frozen=True):
    """What every delivery says."""

    object_kind: str = ""


class _Project(msgspec.Struct, frozen=True):
    path_with_namespace: str
    web_url: str

    @property
    def known(self) -> Project:
        return Project(path=self.path_with_namespace, url=self.web_url)


class _DeploymentEvent(msgspec.Struct, frozen=True):
    deployment_id: int
    status: str
    status_changed_at: str
    environment: str
    project: _Project
    environment_tier: str | None = None
    commit_url: str | None = None
    ref: str | None = None


class _Label(msgspec.Struct, frozen=True):
    title: str


class _Issue(msgspec.Struct, frozen=True):
    id: int
    created_at: str
    updated_at: str
    state: str
    title: str = ""
    closed_at: str | None = None
    iid: int | None = None
    project_id: int | None = None
    severity: str | None = None
    type: str | None = None
    issue_type: str | None = None
    labels: tuple[_Label, ...] | None = None


class _IssueEvent(msgspec.Struct, frozen=True):
    object_attributes: _Issue
    project: _Project
    labels: tuple[_Label, ...] | None = None


def head_of(body: bytes) -> Head:
    """The head of a delivery; raises what decoding raises."""
    return msgspec.json.decode(_json(body), type=Head)


def read(kind: str, body: bytes, *, now_ms: int) -> ReportedDeployment | ReportedIncident | Ignored:
    """What a delivery says; raises ``NotUnderstood`` and what decoding raises for an object that is malformed."""
    if kind == "deployment":
        return _deployment(msgspec.json.decode(_json(body), type=_DeploymentEvent), now_ms=now_ms)
    if kind in _ISSUES:
        return _incident(msgspec.json.decode(_json(body), type=_IssueEvent), now_ms=now_ms)
    return Ignored.UNKNOWN_EVENT


def _deployment(event: _DeploymentEvent, *, now_ms: int) -> ReportedDeployment:
    changed_ms = moment(event.status_changed_at, now_ms=now_ms)
    sha = _SHA.search(event.commit_url or "")
    return ReportedDeployment(
        id=event.deployment_id,
        project=event.project.known,
        environment=event.environment,
        status=event.status,
        at_ms=changed_ms,
        finished_ms=changed_ms,
        sha=sha[1] if sha else None,
        tier=event.environment_tier,
        ref=event.ref,
    )


def _incident(event: _IssueEvent, *, now_ms: int) -> ReportedIncident:
    issue = event.object_attributes
    updated_ms = moment(issue.updated_at, now_ms=now_ms)
    closed_ms = known_moment(issue.closed_at, now_ms=now_ms) or updated_ms
    labels = issue.labels if issue.labels is not None else event.labels
    return ReportedIncident(
        id=issue.id,
        project=event.project.known,
        title=issue.title,
        created_ms=moment(issue.created_at, now_ms=now_ms),
        updated_ms=updated_ms,
        closed_ms=closed_ms if issue.state == _CLOSED else None,
        severity=known_severity(issue.severity),
        labels=tuple(each.title for each in labels or ()),
        place=f"{issue.project_id}/{issue.iid}" if issue.project_id and issue.iid else None,
        is_incident=(issue.issue_type or issue.type or "").lower() == _INCIDENT,
    )


def _json(body: bytes) -> bytes:
    return body.removeprefix(BOM_UTF8)
