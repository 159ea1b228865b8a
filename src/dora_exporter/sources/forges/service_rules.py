"""The table that maps deployments on a forge to services."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from dora_exporter.dora.failures.pattern import BadPattern, compiled
from dora_exporter.sources.forges.globs import is_repository
from dora_exporter.sources.label import Label, Name

if TYPE_CHECKING:
    import re2

_SERVICE = "service"


@lru_cache(maxsize=1000)
def _expression(pattern: str) -> "re2._Regexp":
    return compiled(pattern)


def _is_expression(pattern: str) -> str:
    try:
        _expression(pattern)
    except BadPattern as reason:
        raise ValueError(str(reason)) from None
    return pattern


class ServiceRule(BaseModel):
    """One line of the table: what it is for, and what the deployment is called then.

    ``repository`` is a glob, ``environment`` is a regular expression for the whole name, whose group ``service`` may
    name the service.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    repository: Name = "*"
    environment: Annotated[Name, AfterValidator(_is_expression)] | None = None
    service: Label | None = None
    set_environment: Label | None = None
    team: Label | None = None

    @model_validator(mode="after")
    def _names_a_service(self) -> Self:
        has_group = self.environment is not None and _SERVICE in _expression(self.environment).groupindex
        if self.service is None and not has_group:
            raise ValueError("needs a service, or an environment with the group (?P<service>...)")
        return self

    def service_of(self, repository: str, environment: str) -> str | None:
        """The service of a deployment that the rule is for; None for others."""
        if not is_repository(repository, self.repository):
            return None
        if self.environment is None:
            return self.service
        found = _expression(self.environment).fullmatch(environment)
        if found is None:
            return None
        return self.service or found.group(_SERVICE) or None


def first_match(
    rules: Iterable[ServiceRule], repository: str, environment: str
) -> tuple[ServiceRule | None, str | None]:
    """The first rule for a deployment and the service that it names; None for both where none is."""
    matches = ((each, each.service_of(repository, environment)) for each in rules)
    return next(((rule, service) for rule, service in matches if service), (None, None))
