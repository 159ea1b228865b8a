"""The shape of what senders say: names and JSON types. What the values may be is decided in ``values.py``.

The OpenAPI document is made from these structs. Attributes that they do not name are ignored, and counted. What is sent
in bulk may say times as a CSV file does, while the API that others defined knows only its own.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

from dora_exporter.web.api.schema import fields


def _schema(description: str, **more: object) -> Meta:
    """Words and limits for the OpenAPI document only: ``values.py`` checks, with a message for people."""
    return Meta(description=description, extra_json_schema=more)


_UNIT = "Unix time in seconds, milliseconds or nanoseconds"
_SINCE_2000 = fields.EARLIEST_MS // 1000
_Time = Annotated[int, _schema(f"{_UNIT}, from the year 2000 on.", minimum=_SINCE_2000)]
_CommitTime = Annotated[int, _schema(f"{_UNIT}.", minimum=0)]
_AnyTime = Annotated[int | str, _schema(f"{_UNIT}, from the year 2000 on, or an RFC 3339 date-time.")]
_AnyCommitTime = Annotated[int | str, _schema(f"{_UNIT}, or an RFC 3339 date-time.")]
_Label = Annotated[
    str, _schema("1 to 200 printable characters, but not `_other`.", minLength=1, maxLength=fields.LABEL_LENGTH)
]
_OptionalLabel = Annotated[
    str | None, _schema("Empty is absent. It must not be `_other`.", maxLength=fields.LABEL_LENGTH)
]
_Environment = Annotated[
    str | None, _schema("Another name of `env`, for where that is absent.", maxLength=fields.LABEL_LENGTH)
]
_OptionalText = Annotated[str | None, _schema("Empty is absent.", maxLength=fields.TEXT_LENGTH)]
_Title = Annotated[str | None, _schema("What people call it.", maxLength=fields.NAME_LENGTH)]
_Id = Annotated[str | None, _schema("Sent again, it replaces the event.", pattern=f"^{fields.ID_PATTERN}$")]
_Sha = Annotated[str, _schema("The commit.", pattern=f"^{fields.SHA_PATTERN}$")]
_Url = Annotated[str, _schema("In any form that Git takes.", minLength=1, maxLength=fields.URL_LENGTH)]
_SHIPPED = _schema("What it shipped. The newest 5000 are kept.")
_Tags = Annotated[list[str] | None, _schema("Best as `key:value`.", maxItems=fields.MAX_TAGS)]


class Git(Struct, frozen=True, gc=False):
    """The commit that runs."""

    commit_sha: _Sha
    repository_url: _Url


_Gits = Annotated[
    Git | list[Git] | None,
    _schema(
        "Of several repositories a list: the first is what runs, and tells the deployment from others; the commits of "
        f"all count. At most {fields.MAX_REPOSITORIES}, each once."
    ),
]


class GivenCommit(Struct, frozen=True, gc=False):
    """A commit that a deployment shipped, with the time it was written; by its message reverts are recognised."""

    sha: _Sha
    timestamp: _CommitTime
    message: Annotated[str | None, _schema("The message, or its first lines.")] = None


class BulkCommit(Struct, frozen=True, gc=False):
    """The same in a bulk body."""

    sha: _Sha
    timestamp: _AnyCommitTime
    message: Annotated[str | None, _schema("The message, or its first lines.")] = None


class _Deployment(Struct, frozen=True, gc=False, kw_only=True):
    service: _Label
    env: _OptionalLabel = None
    environment: _Environment = None
    version: _OptionalText = None
    team: _OptionalLabel = None
    id: _Id = None
    git: _Gits = None
    custom_tags: _Tags = None


class GivenDeployment(_Deployment, frozen=True, gc=False, kw_only=True):
    """A finished deployment, as its sender tells it."""

    started_at: _Time
    finished_at: _Time
    commits: Annotated[list[GivenCommit] | None, _SHIPPED] = None


class BulkDeployment(_Deployment, frozen=True, gc=False, kw_only=True):
    """A finished deployment in a bulk body."""

    started_at: _AnyTime
    finished_at: _AnyTime
    commits: Annotated[list[BulkCommit] | None, _SHIPPED] = None


class _Failure(Struct, frozen=True, gc=False, kw_only=True):
    services: Annotated[list[_Label] | None, _schema("Sorted and unique.", maxItems=fields.MAX_SERVICES)] = None
    team: _OptionalLabel = None
    env: _OptionalLabel = None
    environment: _Environment = None
    name: _Title = None
    severity: _OptionalText = None
    version: _OptionalText = None
    id: _Id = None
    git: Git | None = None
    custom_tags: _Tags = None
    service: Annotated[str | None, _schema("The one service, in the oldest shape.", deprecated=True)] = None


class GivenFailure(_Failure, frozen=True, gc=False, kw_only=True):
    """An incident, as its sender tells it; ``services`` or ``team`` is needed. It is open without ``finished_at``."""

    started_at: _Time
    finished_at: Annotated[int | None, _schema("When it was resolved.", minimum=_SINCE_2000)] = None


class BulkFailure(_Failure, frozen=True, gc=False, kw_only=True):
    """An incident in a bulk body; ``services`` or ``team`` is needed. It is open without ``finished_at``."""

    started_at: _AnyTime
    finished_at: Annotated[int | str | None, _schema("When it was resolved.")] = None


class DeploymentData(Struct, frozen=True, gc=False):
    """The data of a request."""

    attributes: GivenDeployment


class DeploymentRequest(Struct, frozen=True, gc=False):
    """A deployment to keep."""

    data: DeploymentData


class FailureData(Struct, frozen=True, gc=False):
    """The data of a request."""

    attributes: GivenFailure


class FailureRequest(Struct, frozen=True, gc=False):
    """An incident to keep."""

    data: FailureData


class DeploymentLine(Struct, frozen=True, gc=False, tag="deployment", tag_field="type"):
    """One deployment of a bulk body."""

    attributes: BulkDeployment


class FailureLine(Struct, frozen=True, gc=False, tag="failure", tag_field="type"):
    """One incident of a bulk body."""

    attributes: BulkFailure


Line = DeploymentLine | FailureLine

LIST_DEPLOYMENTS = "dora_deployments_list_request"
LIST_FAILURES = "dora_failures_list_request"
PATCH = "dora_deployment_patch_request"

_Moment = Annotated[str | None, _schema("RFC 3339, inclusive, of started_at.", format="date-time")]


class ListAttributes(Struct, frozen=True):
    """Which events are asked for."""

    from_: _Moment = field(default=None, name="from")
    to: _Moment = None
    query: Annotated[str | None, _schema("Such as `service:checkout env:(prod OR stage) -team:web`.")] = None
    sort: Annotated[
        str | None,
        _schema("Newest first without it.", enum=["started_at", "-started_at", "finished_at", "-finished_at", None]),
    ] = None
    limit: Annotated[int | None, _schema("10 without it.", minimum=1, maximum=1000)] = None


class ListData(Struct, frozen=True):
    """The data of a list request."""

    type: Annotated[str | None, _schema("Needed.", enum=[LIST_DEPLOYMENTS, LIST_FAILURES])] = None
    attributes: ListAttributes | None = None


class ListRequest(Struct, frozen=True):
    """A list of events to answer."""

    data: ListData


class GivenRemediation(Struct, frozen=True):
    """What remedied a failed deployment: another one, by its ``id`` or by its ``version``."""

    type: Annotated[str | None, _schema("How.", enum=["rollback", "rollforward"])] = None
    id: Annotated[str | None, _schema("The remedy's id.", minLength=1)] = None
    version: Annotated[str | None, _schema("The remedy's version.", minLength=1)] = None


class PatchAttributes(Struct, frozen=True):
    """The verdict on a deployment; ``change_failure: null`` takes it back."""

    change_failure: bool | None
    remediation: GivenRemediation | None = None


_PatchType = Annotated[str | None, _schema("The kind of request.", enum=[PATCH])]


class PatchData(Struct, frozen=True):
    """The data of a patch by id."""

    id: str
    type: _PatchType
    attributes: PatchAttributes


class PatchRequest(Struct, frozen=True):
    """A verdict on the deployment with an id."""

    data: PatchData


class VersionPatchAttributes(Struct, frozen=True):
    """The verdict on the deployment of a version that finished last."""

    service: _Label
    env: Annotated[str, _schema("Empty is the default environment.", maxLength=fields.LABEL_LENGTH)]
    version: Annotated[str, _schema("As it was sent.", minLength=1, maxLength=fields.TEXT_LENGTH)]
    change_failure: bool | None
    remediation: GivenRemediation | None = None


class VersionPatchData(Struct, frozen=True):
    """The data of a patch by version."""

    attributes: VersionPatchAttributes
    type: _PatchType


class VersionPatchRequest(Struct, frozen=True):
    """A verdict on the deployment of a version."""

    data: VersionPatchData
