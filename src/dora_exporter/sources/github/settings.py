"""The settings of a ``github`` source."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dora_exporter.config.durations import Duration, parse
from dora_exporter.config.validators import NamedFile, Whole
from dora_exporter.sources.forges.service_rules import ServiceRule
from dora_exporter.sources.http.pushed_settings import PUSHED_TUNING, BaseUrl, PushedSourceSettings
from dora_exporter.sources.label import Label, Name

Trigger = Literal["deployment", "release", "workflow_run", "tag"]
TUNING = (*PUSHED_TUNING, "app_id", "installation_id", "private_key_file")
"""What may change without reading the past anew."""


class Workflow(BaseModel):
    """A workflow whose runs are deployments: its file, and the branches that it deploys."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    path: Name
    branches: tuple[Name, ...] = ()


class TaskRule(ServiceRule):
    """A line of the table of services that may be for some tasks alone: ``task`` is a glob."""

    task: Name = "*"


class GitHubSettings(PushedSourceSettings):
    """One GitHub, github.com or Enterprise. Without a token or an App only its webhooks are taken.

    Filters are globs. An empty one lets everything through.
    """

    OWN_HEADERS: ClassVar[frozenset[str]] = frozenset({"authorization", "accept"})

    kind: Literal["github"] = "github"
    base_url: BaseUrl = "https://api.github.com"
    app_id: Whole | None = None
    installation_id: Whole | None = None
    private_key_file: NamedFile | None = None
    organizations: tuple[Name, ...] = ()
    repositories: tuple[Name, ...] = ()
    exclude_repositories: tuple[Name, ...] = ()
    triggers: Annotated[tuple[Trigger, ...], Field(min_length=1)] = ("deployment",)
    environments: tuple[Name, ...] = ()
    tasks: tuple[Name, ...] = ()
    refs: tuple[Name, ...] = ()
    transient: bool | None = None
    workflows: tuple[Workflow, ...] = ()
    environment: Label | None = None
    services: tuple[TaskRule, ...] = ()
    interval: Duration = parse("5m")
    overlap: Duration = parse("1h")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        app = (self.app_id, self.installation_id, self.private_key_file)
        if any(each is not None for each in app) and None in app:
            raise ValueError("an App needs app_id, installation_id and private_key_file")
        if self.has_app and self.has_token:
            raise ValueError("give a token or an App, not both")
        if self.is_polled and not (self.organizations or any("/" in each for each in self.repositories)):
            raise ValueError("needs organizations, or repositories with their owners, to be polled")
        if ("workflow_run" in self.triggers) != bool(self.workflows):
            raise ValueError("the trigger workflow_run and workflows need each other")
        return self

    @property
    def has_app(self) -> bool:
        """Whether there is an App to ask as."""
        return self.app_id is not None

    @property
    def is_polled(self) -> bool:
        """Whether there is a token or an App to ask with."""
        return self.has_token or self.has_app
