"""The settings of a source of any JSON: what is wrong is told with its place."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.sources.webhook.webhook_daemon import DEPLOYMENTS, INCIDENTS

from dora_exporter.app.load_settings import load
from dora_exporter.config.errors import ConfigError
from dora_exporter.sources.webhook.rules import IncidentRule, combined
from dora_exporter.sources.webhook.settings import WebhookSettings


def mistakes(tmp_path: Path, source: dict[str, Any]) -> list[str]:
    """What is said of a configuration with this source, with the lines of a file that has a key on each."""
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"sources": {"tool": {"kind": "webhook", **source}}}, sort_keys=False))
    try:
        load(file=file, flags=(), variables={}, secrets_folder=None)
    except ConfigError as error:
        return [str(each).removeprefix(f"{file}:") for each in error.mistakes]
    return []


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"incidents": INCIDENTS}, []),
        ({"incidents": [INCIDENTS], "deployments": DEPLOYMENTS}, []),
        ({}, ["2: sources.tool: needs a preset, incidents or deployments"]),
        ({"incidents": False}, ["2: sources.tool: needs a preset, incidents or deployments"]),
        (
            {"incidents": INCIDENTS, "verify": {"scheme": "hmca", "header": "X-Sig"}},
            ["13: sources.tool.verify.scheme: must be api_key, "],
        ),
        (
            {"incidents": INCIDENTS, "verify": {"header": "X-Sig"}},
            ["12: sources.tool.verify.scheme: is missing, it must be api_key, "],
        ),
        ({"preset": "nagios"}, ["4: sources.tool.preset: is not a preset. Known are: azure_devops, "]),
        ({"incidents": {"started_at": "a"}}, ["4: sources.tool.incidents: needs an id"]),
        ({"incidents": [INCIDENTS, {"match": "a"}]}, ["12: sources.tool.incidents[1]: needs an id"]),
        ({"deployments": {"id": "a", "finished_at": "b"}}, ["4: sources.tool.deployments: needs a service"]),
        (
            {"deployments": {"id": "a", "service": "b"}},
            ["4: sources.tool.deployments: needs finished_at, started_at or changed_at"],
        ),
        ({"incidents": {**INCIDENTS, "colour": "a"}}, ["12: sources.tool.incidents.colour: unknown key"]),
        (
            {"incidents": {"id": "a.", "delete": "b ||| c"}},
            [
                "5: sources.tool.incidents.id: is not a JMESPath expression: it ends too early",
                "6: sources.tool.incidents.delete: is not a JMESPath expression: see its character 5",
            ],
        ),
        (
            {"incidents": [{"id": "a", "name": {"path": "f(a)"}}]},
            ["7: sources.tool.incidents[0].name.path: calls the unknown function f()"],
        ),
        (
            {"incidents": {"id": {"extract": "(a)"}}},
            ["5: sources.tool.incidents.id: needs a path or a default"],
        ),
        (
            {"incidents": {"id": {"path": "a", "extract": "a"}}},
            ["7: sources.tool.incidents.id.extract: must have one group, not 0"],
        ),
        (
            {"incidents": {"id": {"path": "a", "extract": "(a"}}},
            ["7: sources.tool.incidents.id.extract: is not a valid regular expression: missing ): (a"],
        ),
        (
            {"incidents": INCIDENTS, "webhook_secrets": ["a"], "webhook_secrets_file": "b"},
            ["2: sources.tool: give webhook_secrets or webhook_secrets_file, not both"],
        ),
        (
            {"incidents": INCIDENTS, "webhook_secrets": ["a"]},
            ["2: sources.tool: webhook_secrets need verify, which says how the sender proves that it knows one"],
        ),
        ({"incidents": INCIDENTS, "unmatched": 500}, ["12: sources.tool.unmatched: must be 200 or 400"]),
        ({"incidents": "id"}, ["4: sources.tool.incidents: must be a list"]),
        ({"incidents": []}, ["4: sources.tool.incidents: must have at least 1, not 0"]),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, source: dict[str, Any], told: list[str]) -> None:
    found = mistakes(tmp_path, source)

    assert len(found) == len(told), found
    assert all(each.startswith(wanted) for each, wanted in zip(found, told, strict=True)), found


def test_single_fields_change_each_rule_of_a_preset() -> None:
    preset = [IncidentRule.model_validate({"match": "a", "id": "b", "service": "c"}), IncidentRule(match="d")]
    given = IncidentRule.model_validate({"service": "e"})

    found = [each.model_dump(exclude_none=True) for each in combined(preset, given)]

    assert found == [
        {"match": "a", "id": {"path": "b"}, "service": {"path": "e"}},
        {"match": "d", "service": {"path": "e"}},
    ]
    assert combined(preset, (given,)) == (given,)
    assert combined(preset, None) == tuple(preset)
    assert combined(preset, False) == ()  # noqa: FBT003 - as in YAML
    assert combined((), given) == (given,)


def test_what_numbers_are_called_needs_quotes_in_yaml_and_no_more() -> None:
    rule = {**INCIDENTS, "severity": {"path": "a", "values": {"1": "critical"}}}

    assert WebhookSettings.model_validate({"incidents": rule}).mapping.incidents[0].severity
