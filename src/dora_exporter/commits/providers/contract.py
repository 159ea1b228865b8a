"""The contract of a pull-request provider."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, model_validator

from dora_exporter.commits.providers.http import Forge, Headers
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

    ``host`` is the first part of the repositories' names; without it the product's own. ``source`` names a source that
    is asked with its credentials at its address: then nothing but ``host`` is given besides.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["github", "gitlab"] | None = None
    source: str | None = None
    host: str | None = None
    base_url: str | None = None
    token: Secret | None = None
    token_file: NamedFile | None = None
    tls_config: TlsConfig | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "PullRequestSettings":
        own = (self.kind, self.base_url, self.token, self.token_file, self.tls_config)
        if self.source is not None and any(each is not None for each in own):
            raise ValueError("source brings its own kind, address and credentials: give it alone, or with a host")
        if self.source is None and self.kind is None:
            raise ValueError("needs a kind, or a source")
        if self.token is not None and self.token_file is not None:
            raise ValueError("token and token_file exclude each other")
        if self.host is not None and self.base_url is None and self.source is None:
            raise ValueError("host needs a base_url")
        return self


@dataclass(frozen=True, kw_only=True)
class Lent:
    """What a source lends to a provider: its product, the host of its repositories, and how its API is asked."""

    kind: str
    host: str
    base_url: str
    headers: Headers


Lend = Callable[[str], Lent]
"""Gives what a source lends, by its name."""
