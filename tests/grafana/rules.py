"""The shipped rules."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from tests.grafana.dashboards import GRAFANA

FILE = GRAFANA / "rules" / "dora.rules.yaml"
PROOFS = sorted((GRAFANA / "rules" / "tests").glob("*.yaml"))


@dataclass(frozen=True)
class Rule:
    """A rule, by the name of its alert or of what it records."""

    name: str
    expression: str
    is_alert: bool
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


def groups() -> list[dict[str, Any]]:
    """The groups as they stand in the file."""
    parsed: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["groups"]
    return parsed


def rules() -> Iterator[Rule]:
    """All rules."""
    for group in groups():
        for rule in group["rules"]:
            yield Rule(
                name=rule.get("alert") or rule["record"],
                expression=rule["expr"],
                is_alert="alert" in rule,
                labels=rule.get("labels", {}),
                annotations=rule.get("annotations", {}),
            )


def alerts() -> list[Rule]:
    """The rules that alert."""
    return [rule for rule in rules() if rule.is_alert]


def recorded() -> set[str]:
    """The names of what is recorded."""
    return {rule.name for rule in rules() if not rule.is_alert}
