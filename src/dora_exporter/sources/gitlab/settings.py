"""The settings of a ``gitlab`` source."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from dora_exporter.config.durations import Duration, parse
from dora_exporter.sources.forges.service_rules import ServiceRule
from dora_exporter.sources.http.pushed_settings import BaseUrl, PushedSourceSettings, ServiceEntry
from dora_exporter.sources.label import Label, Name

Tier = Literal["production", "staging", "testing", "development", "other"]
Severity = Literal["critical", "high", "medium", "low", "unknown"]


class GitLabSettings(PushedSourceSettings):
    """One GitLab, gitlab.com or self-managed. Without a token it is never polled, and only its webhooks are taken.

    ``projects``, ``exclude_projects`` and ``environments`` are globs. An empty filter lets everything through.
    """

    OWN_HEADERS: ClassVar[frozenset[str]] = frozenset({"private-token", "accept"})

    kind: Literal["gitlab"] = "gitlab"
    base_url: BaseUrl = "https://gitlab.com"
    interval: Duration = parse("5m")
    overlap: Duration = parse("1h")
    groups: tuple[Name, ...] = ()
    projects: tuple[Name, ...] = ()
    exclude_projects: tuple[Name, ...] = ()
    environments: tuple[Name, ...] = ()
    environment_tiers: tuple[Tier, ...] = ()
    services: tuple[ServiceRule, ...] = ()
    severities: tuple[Severity, ...] = ()
    incident_labels: dict[Name, ServiceEntry] = Field(default_factory=dict)
    incident_environment: Label | None = None

    @model_validator(mode="after")
    def _says_what_is_polled(self) -> Self:
        if self.is_polled and not self.groups and not (self.projects and all(map(_is_path, self.projects))):
            raise ValueError("a token needs groups, or projects as whole paths such as acme/shop")
        return self

    @property
    def is_polled(self) -> bool:
        """Whether there is a token to ask with."""
        return self.has_token


def _is_path(project: str) -> bool:
    """Whether a project is named by its whole path, not by a glob."""
    return "/" in project and not set(project) & set("*?[")
