"""The settings of a ``github`` source."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from dora_exporter.config.validators import NamedFile, Secret
from dora_exporter.sources.contract import SourceSettings
from dora_exporter.sources.github.service_rules import ServiceRule

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Trigger = Literal["deployment", "release", "workflow_run", "tag"]
TUNING = ("webhook_secrets", "webhook_secrets_file")
"""What may change without reading the past anew."""


class Workflow(BaseModel):
    """A workflow whose runs are deployments: its file, and the branches that it deploys."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    path: Name
    branches: tuple[Name, ...] = ()


class GitHubSettings(SourceSettings):
    """One GitHub, github.com or Enterprise, whose webhooks are taken.

    Filters are globs. An empty one lets everything through.
    """

    kind: Literal["github"] = "github"
    webhook_secrets: tuple[Secret, ...] = ()
    webhook_secrets_file: NamedFile | None = None
    organizations: tuple[Name, ...] = ()
    repositories: tuple[Name, ...] = ()
    exclude_repositories: tuple[Name, ...] = ()
    triggers: Annotated[tuple[Trigger, ...], Field(min_length=1)] = ("deployment",)
    environments: tuple[Name, ...] = ()
    tasks: tuple[Name, ...] = ()
    refs: tuple[Name, ...] = ()
    transient: bool | None = None
    workflows: tuple[Workflow, ...] = ()
    environment: Name | None = None
    services: tuple[ServiceRule, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.webhook_secrets and self.webhook_secrets_file is not None:
            raise ValueError("give webhook_secrets or webhook_secrets_file, not both")
        if ("workflow_run" in self.triggers) != bool(self.workflows):
            raise ValueError("the trigger workflow_run and workflows need each other")
        return self
