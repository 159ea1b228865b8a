"""The rules that make events of bodies, as the configuration and the presets write them."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from dora_exporter.sources.webhook.expressions import Expression
from dora_exporter.sources.webhook.fields import FieldSetting

MOST_RULES = 30


class Rule(BaseModel):
    """What all rules have. Of a list of them the first whose ``match`` is true for a body is taken.

    With ``each`` every item of a list in the body is an event, and all but ``match`` is asked of the item. An event for
    which ``delete`` is true, or ``only`` is not, counts nowhere.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    match: Expression | None = None
    each: Expression | None = None
    delete: Expression | None = None
    only: Expression | None = None
    id: FieldSetting | None = None
    started_at: FieldSetting | None = None
    finished_at: FieldSetting | None = None
    changed_at: FieldSetting | None = None
    service: FieldSetting | None = None
    services: FieldSetting | None = None
    environment: FieldSetting | None = None
    team: FieldSetting | None = None
    version: FieldSetting | None = None
    commit_sha: FieldSetting | None = None
    repository: FieldSetting | None = None


class IncidentRule(Rule):
    """A rule for incidents. It is closed when ``finished_at`` is something, or ``closed`` is true.

    With ``earliest_start`` the earliest ``started_at`` counts that was told of it: for senders whose reports only have
    the time at which they were made.
    """

    closed: Expression | None = None
    earliest_start: bool | None = None
    name: FieldSetting | None = None
    severity: FieldSetting | None = None


class DeploymentRule(Rule):
    """A rule for deployments. ``outcome`` is succeeded, failed, canceled or running; without it all succeeded."""

    outcome: FieldSetting | None = None


AnyRule = TypeVar("AnyRule", bound=Rule)


def _shape(value: object) -> Literal["fields", "rules", "switch"]:
    if isinstance(value, bool):
        return "switch"
    return "fields" if isinstance(value, dict | Rule) else "rules"


Incidents = Annotated[
    Annotated[Literal[False], Tag("switch")]
    | Annotated[IncidentRule, Tag("fields")]
    | Annotated[tuple[IncidentRule, ...], Field(min_length=1, max_length=MOST_RULES), Tag("rules")],
    Discriminator(_shape),
]
"""Rules; or fields that change each rule of the preset, and are the one rule where there is none; or false for none."""

Deployments = Annotated[
    Annotated[Literal[False], Tag("switch")]
    | Annotated[DeploymentRule, Tag("fields")]
    | Annotated[tuple[DeploymentRule, ...], Field(min_length=1, max_length=MOST_RULES), Tag("rules")],
    Discriminator(_shape),
]


def combined(
    preset: Sequence[AnyRule], given: AnyRule | Sequence[AnyRule] | Literal[False] | None
) -> tuple[AnyRule, ...]:
    """The rules of a preset, as the configuration changes them."""
    if given is None:
        return tuple(preset)
    if given is False:
        return ()
    if not isinstance(given, Rule):
        return tuple(given)
    changes = {name: getattr(given, name) for name in given.model_fields_set}
    return tuple(each.model_copy(update=changes) for each in preset) or (given,)
