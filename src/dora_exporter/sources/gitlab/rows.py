"""Reads the rows of GitLab's REST API."""

from typing import TypeVar

import msgspec

from dora_exporter.runtime.json_flaws import FLAWS
from dora_exporter.sources.contract import Sink
from dora_exporter.sources.gitlab.reports import (
    NotUnderstood,
    Project,
    ReportedDeployment,
    ReportedIncident,
    known_moment,
    known_severity,
    moment,
)

_Row = TypeVar("_Row")
_CLOSED = "closed"
INCIDENT = "incident"


class Environment(msgspec.Struct, frozen=True):
    """An environment as a deployment names it."""

    id: int
    name: str


class _Job(msgspec.Struct, frozen=True):
    started_at: str | None = None
    finished_at: str | None = None


class DeploymentRow(msgspec.Struct, frozen=True):
    """A deployment; ``deployable`` is the job that made it, None for one that was made by the API."""

    id: int
    status: str
    created_at: str
    updated_at: str
    sha: str
    environment: Environment
    ref: str | None = None
    deployable: _Job | None = None
    finished_at: str | None = None


class _References(msgspec.Struct, frozen=True):
    full: str


class IncidentRow(msgspec.Struct, frozen=True):
    """An issue, unless it says otherwise of the type incident."""

    id: int
    iid: int
    project_id: int
    title: str
    state: str
    created_at: str
    updated_at: str
    references: _References
    web_url: str
    closed_at: str | None = None
    severity: str | None = None
    labels: tuple[str, ...] = ()
    issue_type: str = INCIDENT


class _RowId(msgspec.Struct, frozen=True):
    """What a row that cannot be understood is called."""

    id: int | None = None


def reported_deployment(row: DeploymentRow, project: Project, tier: str | None, *, now_ms: int) -> ReportedDeployment:
    """What a row says; raises ``NotUnderstood``."""
    job = row.deployable or _Job()
    updated_ms = moment(row.updated_at, now_ms=now_ms)
    finished_ms = known_moment(row.finished_at or job.finished_at, now_ms=now_ms)
    return ReportedDeployment(
        id=row.id,
        project=project,
        environment=row.environment.name,
        status=row.status,
        at_ms=updated_ms,
        finished_ms=updated_ms if finished_ms is None else finished_ms,
        started_ms=moment(job.started_at or row.created_at, now_ms=now_ms),
        sha=row.sha,
        tier=tier,
        ref=row.ref,
        is_polled=True,
    )


def reported_incident(row: IncidentRow, *, now_ms: int) -> ReportedIncident:
    """What a row says; raises ``NotUnderstood``."""
    path, separator, _ = row.references.full.rpartition("#")
    if not separator:
        raise NotUnderstood("it names no project")
    updated_ms = moment(row.updated_at, now_ms=now_ms)
    closed_ms = known_moment(row.closed_at, now_ms=now_ms) or updated_ms
    return ReportedIncident(
        id=row.id,
        project=Project(path=path, url=row.web_url.partition("/-/")[0]),
        title=row.title,
        created_ms=moment(row.created_at, now_ms=now_ms),
        updated_ms=updated_ms,
        closed_ms=closed_ms if row.state == _CLOSED else None,
        severity=known_severity(row.severity),
        labels=row.labels,
        is_incident=row.issue_type == INCIDENT,
        place=f"{row.project_id}/{row.iid}",
        is_polled=True,
    )


def decoded(raw: msgspec.Raw, shape: type[_Row], sink: Sink) -> _Row | None:
    """A row; None for one that cannot be understood, which is reported to the sink."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except FLAWS as reason:
        sink.quarantine(_id_of(raw), str(reason))
        return None


def _id_of(raw: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(raw, type=_RowId).id
    except FLAWS:
        return None
