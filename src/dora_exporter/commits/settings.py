"""What can be configured about repositories."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from dora_exporter.commits.git.command import Limits
from dora_exporter.commits.shipped_commits.excluded_authors import Authors
from dora_exporter.config.client_tls import TlsConfig
from dora_exporter.config.durations import Duration, Span
from dora_exporter.config.validators import NamedFile, Secret
from dora_exporter.dora import repository_names

PROTOCOLS = ("https", "http", "ssh", "file")

_SCP = re.compile(r"(?:[\w.+-]+@)?[\w][\w.-]*:(?!//).+")


def protocol_of(url: str) -> str:
    """By which protocol Git reaches a URL; raises ValueError for any but those allowed."""
    scheme, separator, rest = url.partition("://")
    if separator:
        if scheme.lower() in PROTOCOLS and rest:
            return scheme.lower()
    elif url.startswith("/"):
        return "file"
    elif _SCP.fullmatch(url) and "::" not in url:
        return "ssh"
    raise ValueError(f"must be a Git URL that begins with one of {', '.join(f'{each}://' for each in PROTOCOLS)}")


def _checked(url: str) -> str:
    protocol_of(url)
    repository_names.normalise(url)
    if "://" in url and urlsplit(url).password is not None:
        raise ValueError("must not hold a password: use token or token_file")
    return url


def _named(spelling: str) -> str:
    repository_names.normalise(spelling)
    return spelling


class RepositorySettings(BaseModel):
    """A repository that is mirrored, and the further spellings by which events may name it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_checked)]
    token: Secret | None = None
    token_file: NamedFile | None = None
    ssh_key_file: NamedFile | None = None
    tls_config: TlsConfig | None = None
    aliases: tuple[Annotated[str, AfterValidator(_named)], ...] = ()
    interval: Duration = Span("5m", 300_000)

    @model_validator(mode="after")
    def _one_token(self) -> "RepositorySettings":
        if self.token is not None and self.token_file is not None:
            raise ValueError("token and token_file exclude each other")
        return self


def _usable(text: str) -> str:
    Authors([text])
    return text


class CommitSettings(BaseModel):
    """Which commits give a lead time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exclude_authors: tuple[Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_usable)], ...] = Field(
        default=(), max_length=100
    )


class GitSettings(BaseModel):
    """How Git is used. Without ``path`` the repositories lie beside the snapshot file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path | None = None
    resolve_for: Duration = Span("7d", 604_800_000)
    threads: int = Field(default=2, ge=1, le=32)
    timeout: Duration = Span("1m", 60_000)
    fetch_timeout: Duration = Span("15m", 900_000)
    memory_bytes: int = Field(default=2 << 30, ge=256 << 20)
    max_pack_bytes: int = Field(default=64 << 20, ge=1 << 20)
    max_repository_bytes: int = Field(default=4 << 30, ge=1 << 20)
    max_uploaded_repositories: int = Field(default=1000, ge=0)

    @property
    def limits(self) -> Limits:
        """What a ``git`` may use that stays on this machine."""
        return Limits(
            seconds=self.timeout.ms / 1000, memory_bytes=self.memory_bytes, file_bytes=self.max_repository_bytes
        )

    @property
    def fetch_limits(self) -> Limits:
        """What a ``git`` may use that fetches."""
        return Limits(
            seconds=self.fetch_timeout.ms / 1000, memory_bytes=self.memory_bytes, file_bytes=self.max_repository_bytes
        )
