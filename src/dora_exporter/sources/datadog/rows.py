"""Reads one deployment of Datadog's DORA list."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationInfo

from dora_exporter.dora.bounds import TEXT_LENGTH
from dora_exporter.dora.commit_messages import parse_commit
from dora_exporter.dora.events import Commit, Deployment
from dora_exporter.dora.repository_names import normalise
from dora_exporter.sources.http.timestamps import authored, moment


def _moment(value: object, validation: ValidationInfo) -> int | None:
    now_ms: int = validation.context or 0
    return moment(value, now_ms=now_ms)


def _first(value: object) -> object:
    """The first of several: the service and the team of a failure come as lists."""
    return next(iter(value), None) if isinstance(value, list) else value


_Moment = Annotated[int | None, BeforeValidator(_moment)]
_Short = Annotated[str, AfterValidator(lambda text: text[:TEXT_LENGTH])]
_Name = Annotated[str | None, BeforeValidator(_first)]


class _Git(BaseModel):
    commit_sha: str | None = None
    repository_id: str | None = None


class _Commit(BaseModel):
    sha: str
    timestamp: Annotated[int | None, BeforeValidator(authored)] = None
    message: str | None = None


class _Remediation(BaseModel):
    id: _Short
    type: _Short


class _Attributes(BaseModel):
    service: Annotated[str, BeforeValidator(_first), Field(min_length=1)]
    env: _Name = None
    team: _Name = None
    version: str | None = None
    started_at: Annotated[int, BeforeValidator(_moment)]
    finished_at: _Moment = None
    git: _Git | None = None
    custom_tags: list[str] | None = None
    commits: list[_Commit] | None = None
    change_failure: bool | None = None
    remediation: _Remediation | None = None


class DeploymentRow(BaseModel):
    """A row as Datadog sends it: what its documents name, and what its users saw beyond that.

    It is validated in the context of the present moment, in milliseconds.
    """

    id: Annotated[str, Field(min_length=1)]
    attributes: _Attributes

    def deployment(self, *, source: str, environment: str) -> Deployment:
        """The row as an event of the source; ``environment`` is that of a row without one.

        ``upstream`` says whether Datadog holds it for a change failure, unless that is still pending, and what
        remedied it.
        """
        row = self.attributes
        return Deployment(
            f"{source}:{self.id}",
            row.service,
            row.env or environment,
            row.started_at,
            row.finished_at or row.started_at,
            version=row.version or None,
            commit_sha=_commit_sha(row.git),
            repository=_repository(row.git),
            team=row.team or None,
            source=source,
            tags=tuple(row.custom_tags or ()),
            commits=_commits(row.commits),
            upstream=_judgement(row, source),
        )


def _commit_sha(git: _Git | None) -> str | None:
    return git.commit_sha.lower() if git and git.commit_sha else None


def _repository(git: _Git | None) -> str | None:
    try:
        return normalise(git.repository_id) if git and git.repository_id else None
    except ValueError:
        return None


def _commits(commits: list[_Commit] | None) -> tuple[Commit, ...] | None:
    """The commits in Datadog's Git data; None without such data, so that another provider may supply them."""
    known = [
        parse_commit(each.sha.lower(), each.timestamp, each.message or "")
        for each in commits or ()
        if each.timestamp is not None
    ]
    return tuple(known) or None


def _judgement(row: _Attributes, source: str) -> dict[str, Any] | None:
    if row.change_failure is None:
        return None
    judgement: dict[str, Any] = {"change_failure": row.change_failure}
    if row.change_failure and row.remediation:
        judgement["remediation"] = {"type": row.remediation.type, "id": f"{source}:{row.remediation.id}"}
    return judgement
