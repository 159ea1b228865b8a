"""The request bodies: names and JSON types of attributes. ``fields.py`` validates the values.

The OpenAPI document is made from these structs. Attributes that they do not name are ignored, and counted. Times in a
bulk body may be RFC 3339 too, because CSV files have them so; the Datadog API takes Unix times only.
"""

from typing import Annotated

from msgspec import Struct, field

from dora_exporter.web.api.schema import fields
from dora_exporter.web.api.schema.attribute_types import (
    SHIPPED,
    SINCE_2000,
    AnyCommitTime,
    AnyTime,
    AttemptOutcome,
    CommitTime,
    Environment,
    Id,
    Label,
    OptionalLabel,
    OptionalText,
    OwnId,
    Sha,
    Tags,
    Time,
    Title,
    Url,
    described,
)


class Git(Struct, frozen=True, gc=False):
    """The commit that runs."""

    commit_sha: Sha
    repository_url: Url


_Gits = Annotated[
    Git | list[Git] | None,
    described(
        "A list for several repositories: the first is what runs, and identifies the deployment; the commits of all "
        f"count. At most {fields.MAX_REPOSITORIES}, each once."
    ),
]


class GivenCommit(Struct, frozen=True, gc=False):
    """A commit that a deployment shipped, and when it was written; its message shows whether it is a revert."""

    sha: Sha
    timestamp: CommitTime
    message: Annotated[str | None, described("The message, or its first lines.")] = None


class BulkCommit(Struct, frozen=True, gc=False):
    """A commit in a bulk body."""

    sha: Sha
    timestamp: AnyCommitTime
    message: Annotated[str | None, described("The message, or its first lines.")] = None


class _Deployment(Struct, frozen=True, gc=False, kw_only=True):
    service: Label
    env: OptionalLabel = None
    environment: Environment = None
    version: OptionalText = None
    team: OptionalLabel = None
    id: Id = None
    git: _Gits = None
    custom_tags: Tags = None
    outcome: AttemptOutcome = None


class GivenDeployment(_Deployment, frozen=True, gc=False, kw_only=True):
    """A finished deployment, as its sender tells it."""

    started_at: Time
    finished_at: Time
    commits: Annotated[list[GivenCommit] | None, SHIPPED] = None


class BulkDeployment(_Deployment, frozen=True, gc=False, kw_only=True):
    """A finished deployment in a bulk body."""

    started_at: AnyTime
    finished_at: AnyTime
    id: OwnId = None
    commits: Annotated[list[BulkCommit] | None, SHIPPED] = None


class _Failure(Struct, frozen=True, gc=False, kw_only=True):
    services: Annotated[list[Label] | None, described("Sorted and unique.", maxItems=fields.MAX_SERVICES)] = None
    team: OptionalLabel = None
    env: OptionalLabel = None
    environment: Environment = None
    name: Title = None
    severity: OptionalText = None
    version: OptionalText = None
    id: Id = None
    git: Git | None = None
    custom_tags: Tags = None
    service: Annotated[str | None, described("The one service, in the oldest shape.", deprecated=True)] = None


class GivenFailure(_Failure, frozen=True, gc=False, kw_only=True):
    """An incident, as its sender tells it; ``services`` or ``team`` is needed. It is open without ``finished_at``."""

    started_at: Time
    finished_at: Annotated[int | None, described("When it was resolved.", minimum=SINCE_2000)] = None


class BulkFailure(_Failure, frozen=True, gc=False, kw_only=True):
    """An incident in a bulk body; ``services`` or ``team`` is needed. It is open without ``finished_at``."""

    started_at: AnyTime
    finished_at: Annotated[int | str | None, described("When it was resolved.")] = None
    id: OwnId = None


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

_Moment = Annotated[str | None, described("RFC 3339, inclusive, of started_at.", format="date-time")]


class ListAttributes(Struct, frozen=True):
    """Which events are asked for."""

    from_: _Moment = field(default=None, name="from")
    to: _Moment = None
    query: Annotated[str | None, described("Such as `service:checkout env:(prod OR stage) -team:web`.")] = None
    sort: Annotated[
        str | None,
        described("Newest first by default.", enum=["started_at", "-started_at", "finished_at", "-finished_at", None]),
    ] = None
    limit: Annotated[int | None, described("10 by default.", minimum=1, maximum=1000)] = None


class ListData(Struct, frozen=True):
    """The data of a list request."""

    type: Annotated[str | None, described("Required.", enum=[LIST_DEPLOYMENTS, LIST_FAILURES])] = None
    attributes: ListAttributes | None = None


class ListRequest(Struct, frozen=True):
    """A list of events to answer."""

    data: ListData


class GivenRemediation(Struct, frozen=True):
    """What remedied a failed deployment: another one, by its ``id`` or by its ``version``."""

    type: Annotated[str | None, described("The kind of remedy.", enum=["rollback", "rollforward"])] = None
    id: Annotated[str | None, described("The remedy's id.", minLength=1)] = None
    version: Annotated[str | None, described("The remedy's version.", minLength=1)] = None


class PatchAttributes(Struct, frozen=True):
    """The verdict on a deployment; ``change_failure: null`` takes it back."""

    change_failure: bool | None
    remediation: GivenRemediation | None = None


_PatchType = Annotated[str | None, described("The kind of request.", enum=[PATCH])]


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

    service: Label
    env: Annotated[str, described("Empty is the default environment.", maxLength=fields.LABEL_LENGTH)]
    version: Annotated[str, described("As it was sent.", minLength=1, maxLength=fields.TEXT_LENGTH)]
    change_failure: bool | None
    remediation: GivenRemediation | None = None


class VersionPatchData(Struct, frozen=True):
    """The data of a patch by version."""

    attributes: VersionPatchAttributes
    type: _PatchType


class VersionPatchRequest(Struct, frozen=True):
    """A verdict on the deployment of a version."""

    data: VersionPatchData
