"""The contract of a pull-request provider."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, model_validator

from dora_exporter.commits.providers.http import Forge
from dora_exporter.config.client_tls import TlsConfig
from dora_exporter.config.validators import NamedFile, Secret
from dora_exporter.dora.events import Commit, PullRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Merged:
    """A merged pull request with the commits that were on its branch, merges left out.

    ``merge_sha`` is the commit that the merge put on the target branch, of a squash the squashed one; None when there
    is none. ``authors`` are those of the commits, as ``Name <address>``.
    """

    pull_request: PullRequest
    commits: tuple[Commit, ...]
    merge_sha: str | None = None
    authors: tuple[str, ...] = ()


class PullRequests(Protocol):
    """The pull requests of one repository. Methods raise ``ForgeFailed`` and ``Throttled``."""

    async def bringing(self, sha: str) -> Merged | None:
        """The pull request whose merge first brought a commit into the default branch, else into another.

        None for a commit that came without one.
        """
        ...


Provider = Callable[[Forge, str], PullRequests]
"""Makes the pull requests of a repository, given by its path, from the API of a forge."""


def milliseconds(moment: datetime) -> int:
    """A moment in milliseconds since the epoch; one without a zone is in UTC."""
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return since // timedelta(milliseconds=1)


class PullRequestSettings(BaseModel):
    """The settings of one provider: where the pull requests of the repositories on a host are found.

    ``host`` is the first part of the repositories' names; without it the product's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["github", "gitlab"]
    host: str | None = None
    base_url: str | None = None
    token: Secret | None = None
    token_file: NamedFile | None = None
    tls_config: TlsConfig | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "PullRequestSettings":
        if self.token is not None and self.token_file is not None:
            raise ValueError("token and token_file exclude each other")
        if self.host is not None and self.base_url is None:
            raise ValueError("host needs a base_url")
        return self
