"""The settings of a ``webhook`` source."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from dora_exporter.config.errors import misplaced, suggestion
from dora_exporter.sources.http.pushed_settings import ServiceEntry, WebhookSecretSettings
from dora_exporter.sources.label import Label, Name
from dora_exporter.sources.webhook import presets
from dora_exporter.sources.webhook.expressions import Expression
from dora_exporter.sources.webhook.rules import DeploymentRule, Deployments, IncidentRule, Incidents, Rule, combined
from dora_exporter.sources.webhook.verification import Verification


def _is_preset(name: str) -> str:
    if name not in presets.NAMES:
        known = ", ".join(presets.NAMES) or "none"
        raise ValueError(f"is not a preset{suggestion(name, presets.NAMES) or '.'} Known are: {known}")
    return name


PresetName = Annotated[Name, AfterValidator(_is_preset)]


class WebhookSettings(WebhookSecretSettings):
    """A sender of JSON. What a preset says holds unless it is said here.

    ``service``, ``environment`` and ``team`` are for events that name none; ``services`` is what services of the sender
    are called here.
    """

    kind: Literal["webhook"] = "webhook"
    preset: PresetName | None = None
    verify: Verification | None = None
    unmatched: Literal[200, 400] | None = None
    test: Expression | None = None
    incidents: Incidents | None = None
    deployments: Deployments | None = None
    service: Label | None = None
    environment: Label | None = None
    team: Label | None = None
    services: dict[Name, ServiceEntry] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _rules_are_whole(self) -> Self:
        mapping = self.mapping
        if not mapping.incidents and not mapping.deployments:
            raise ValueError("needs a preset, incidents or deployments")
        if self.has_webhook_secrets and mapping.verify.scheme == "api_key":
            raise ValueError("webhook_secrets need verify, which says how the sender proves that it knows one")
        for kind, rules in (("incidents", mapping.incidents), ("deployments", mapping.deployments)):
            for index, rule in enumerate(rules):
                for lack in self._lacks(rule):
                    place = (kind, index) if isinstance(getattr(self, kind), tuple) else (kind,)
                    raise misplaced(f"needs {lack}", *place)
        return self

    @property
    def mapping(self) -> presets.Preset:
        """The preset as the settings change it."""
        base = presets.load(self.preset) if self.preset else presets.NO_PRESET
        changes = {
            "verify": self.verify or base.verify,
            "unmatched": self.unmatched or base.unmatched,
            "test": self.test or base.test,
            "incidents": combined(base.incidents, self.incidents),
            "deployments": combined(base.deployments, self.deployments),
        }
        return base.model_copy(update=changes)

    def _lacks(self, rule: Rule) -> Iterator[str]:
        """What a rule cannot do without."""
        if isinstance(rule, IncidentRule) and rule.id is None:
            yield "an id"
        if isinstance(rule, DeploymentRule) and not (rule.service or rule.services or self.service):
            yield "a service"
        if isinstance(rule, DeploymentRule) and not (rule.finished_at or rule.started_at or rule.changed_at):
            yield "finished_at, started_at or changed_at"
