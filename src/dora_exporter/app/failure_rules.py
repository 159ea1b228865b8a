"""The settings of change failure detection, and the rules that they make."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.catalogue.tiers import Tier
from dora_exporter.dora.failures.contract import Rule
from dora_exporter.dora.failures.pattern import BadPattern, Pattern
from dora_exporter.dora.failures.revert import Revert
from dora_exporter.dora.failures.roll_forward import LinkedRule, StaticRule
from dora_exporter.dora.failures.rollback import Rollback
from dora_exporter.dora.failures.scoped_rule import Scope, Scoped

Where = Literal["version", "subject", "title", "branch", "label", "tag"]


def _usable(text: str, info: ValidationInfo) -> str:
    try:
        Pattern(text)
    except BadPattern as reason:
        raise ValueError(f"of the rule {info.data.get('name', '?')} {reason}") from None
    return text


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class DetectionSettings(_Section):
    """Switches one kind of detection on: in the named services, environments and tiers, or in all if none is named."""

    enabled: bool = True
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    tiers: tuple[Tier, ...] = ()


class RuleSettings(_Section):
    """A roll-forward rule: a regular expression, and the text that it searches.

    With a variable (``$pr_title``, ``$pr_number`` or ``$version``) the deployment that it names failed; without one,
    the deployment just before.
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    pattern: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_usable)]
    match: Annotated[tuple[Where, ...], Field(min_length=1)]
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    tiers: tuple[Tier, ...] = ()


HOTFIXES = (
    RuleSettings(name="hotfix", pattern=r"(?i)^hot-?fix\b", match=("title", "label")),
    RuleSettings(name="hotfix branch", pattern="(?i)^hot-?fix[/_-]", match=("branch",)),
)
"""Anchored, so that "Document the hotfix process" does not match."""


class FailureSettings(_Section):
    """The rules that detect change failures, besides verdicts and incidents."""

    rollback: DetectionSettings = DetectionSettings()
    revert: DetectionSettings = DetectionSettings()
    rules: tuple[RuleSettings, ...] = HOTFIXES

    @field_validator("rules")
    @classmethod
    def _distinct_names(cls, rules: tuple[RuleSettings, ...]) -> tuple[RuleSettings, ...]:
        names = [rule.name for rule in rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"has two rules named {twice[0]}: give each a name of its own")
        return rules


@lru_cache(maxsize=16)
def rules(settings: FailureSettings, catalogue: Catalogue = NO_CATALOGUE) -> Sequence[Rule]:
    """The rules in force. Equal settings return the same objects, so a reload can tell whether the rules changed."""
    return tuple(_rules(settings, catalogue))


def _rules(settings: FailureSettings, catalogue: Catalogue) -> Iterator[Rule]:
    if settings.rollback.enabled:
        yield _scoped(Rollback(), settings.rollback, catalogue)
    if settings.revert.enabled:
        yield _scoped(Revert(), settings.revert, catalogue)
    for rule in settings.rules:
        pattern = Pattern(rule.pattern)
        kind = LinkedRule if pattern.variable else StaticRule
        yield _scoped(kind(rule.name, pattern, rule.match), rule, catalogue)


def _scoped(rule: Rule, settings: DetectionSettings | RuleSettings, catalogue: Catalogue) -> Rule:
    scope = Scope(
        services=frozenset(map(catalogue.service, settings.services)),
        environments=frozenset(map(catalogue.environment, settings.environments)),
        tiers=frozenset(settings.tiers),
    )
    return rule if scope == Scope() else Scoped(rule, scope, catalogue)
