"""Mappings for products whose webhooks are documented: a file for each, read when a source names it."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from dora_exporter.sources.webhook.expressions import Expression
from dora_exporter.sources.webhook.rules import MOST_RULES, DeploymentRule, IncidentRule
from dora_exporter.sources.webhook.verification import ApiKey, Verification

NAMES: tuple[str, ...] = (
    "azure_devops",
    "better_stack",
    "cdevents",
    "circleci",
    "datadog_monitor",
    "firehydrant",
    "grafana_irm",
    "harness",
    "incident_io",
    "jenkins",
    "jira",
    "jira_service_management",
    "launchdarkly",
    "new_relic",
    "opsgenie",
    "rootly",
    "sentry",
    "spinnaker",
    "splunk_oncall",
    "statuspage",
    "zenduty",
)
"""The table of presets: the names of the files beside this one."""


class Preset(BaseModel):
    """A mapping, with the documents that it was ``made_from``.

    ``test`` is true for a delivery that only tries the webhook. ``unmatched`` is what a body is answered that no rule
    matches.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    made_from: tuple[str, ...] = ()
    verify: Verification = ApiKey(scheme="api_key")
    unmatched: Literal[200, 400] = 200
    test: Expression | None = None
    incidents: Annotated[tuple[IncidentRule, ...], Field(max_length=MOST_RULES)] = ()
    deployments: Annotated[tuple[DeploymentRule, ...], Field(max_length=MOST_RULES)] = ()


NO_PRESET = Preset()


@cache
def load(name: str) -> Preset:
    """The preset of a name that is in the table."""
    text = Path(__file__).with_name(f"{name}.yaml").read_text("utf-8")
    return Preset.model_validate(yaml.safe_load(text))
