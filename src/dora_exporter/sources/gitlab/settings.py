"""The settings of a ``gitlab`` source."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from dora_exporter.config.durations import Duration, Span, parse
from dora_exporter.config.validators import HTTP_URL, NamedFile, Secret, matching
from dora_exporter.sources.forges.service_rules import Name, ServiceRule
from dora_exporter.sources.http.settings import HEADER_SETTINGS, HttpSourceSettings

Tier = Literal["production", "staging", "testing", "development", "other"]
Severity = Literal["critical", "high", "medium", "low", "unknown"]
TUNING = (
    *HEADER_SETTINGS,
    "base_url",
    "interval",
    "overlap",
    "token",
    "token_file",
    "webhook_secrets",
    "webhook_secrets_file",
)
"""What may change without reading the past anew."""


class LabelledService(BaseModel):
    """The service that a label of an incident means; what is not given follows the usual order."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    service: Name
    environment: Name | None = None
    team: Name | None = None


def _as_entry(value: object) -> object:
    return {"service": value} if isinstance(value, str) else value


class GitLabSettings(HttpSourceSettings):
    """One GitLab, gitlab.com or self-managed. Without a token it is never polled, and only its webhooks are taken.

    ``projects``, ``exclude_projects`` and ``environments`` are globs. An empty filter lets everything through.
    """

    OWN_HEADERS: ClassVar[frozenset[str]] = frozenset({"private-token", "accept"})

    kind: Literal["gitlab"] = "gitlab"
    base_url: Annotated[
        str,
        matching(
            r"https?://[^/?#@]+(/[^?#]*)?",
            "must begin with http:// or https://, and hold no user, password, query or fragment",
        ),
        HTTP_URL,
    ] = "https://gitlab.com"
    token: Secret | None = None
    token_file: NamedFile | None = None
    interval: Duration = parse("5m")
    overlap: Duration = parse("1h")
    backfill: Duration | None = None
    webhook_secrets: tuple[Secret, ...] = ()
    webhook_secrets_file: NamedFile | None = None
    groups: tuple[Name, ...] = ()
    projects: tuple[Name, ...] = ()
    exclude_projects: tuple[Name, ...] = ()
    environments: tuple[Name, ...] = ()
    environment_tiers: tuple[Tier, ...] = ()
    services: tuple[ServiceRule, ...] = ()
    severities: tuple[Severity, ...] = ()
    incident_labels: dict[Name, Annotated[LabelledService, BeforeValidator(_as_entry)]] = Field(default_factory=dict)
    incident_environment: Name | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if self.webhook_secrets and self.webhook_secrets_file is not None:
            raise ValueError("give webhook_secrets or webhook_secrets_file, not both")
        if self.token is not None and self.token_file is not None:
            raise ValueError("give token or token_file, not both")
        if self.is_polled and not self.groups and not (self.projects and all(map(_is_path, self.projects))):
            raise ValueError("a token needs groups, or projects as whole paths such as acme/shop")
        return self

    @property
    def is_polled(self) -> bool:
        """Whether there is a token to ask with."""
        return self.token is not None or self.token_file is not None

    def backfill_ms(self, longest_window_ms: int) -> int:
        """How far back the first pass reads."""
        span: Span | None = self.backfill
        return longest_window_ms if span is None else span.ms


def _is_path(project: str) -> bool:
    """Whether a project is named by its whole path, not by a glob."""
    return "/" in project and not set(project) & set("*?[")
