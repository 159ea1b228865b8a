"""The settings of a ``gitlab`` source."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from dora_exporter.config.validators import NamedFile, Secret
from dora_exporter.sources.contract import SourceSettings
from dora_exporter.sources.forges.service_rules import Name, ServiceRule

Tier = Literal["production", "staging", "testing", "development", "other"]
Severity = Literal["critical", "high", "medium", "low", "unknown"]
TUNING = ("webhook_secrets", "webhook_secrets_file")
"""What may change without reading the past anew."""


class LabelledService(BaseModel):
    """The service that a label of an incident means; what is not given follows the usual order."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    service: Name
    environment: Name | None = None
    team: Name | None = None


def _as_entry(value: object) -> object:
    return {"service": value} if isinstance(value, str) else value


class GitLabSettings(SourceSettings):
    """One GitLab, gitlab.com or self-managed, whose webhooks are taken.

    ``projects``, ``exclude_projects`` and ``environments`` are globs. An empty filter lets everything through.
    """

    kind: Literal["gitlab"] = "gitlab"
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
        return self
