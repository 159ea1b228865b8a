"""The payloads that the documentation gives to paste have the fields that their presets read."""

import json
import re

import pytest
from tests.docs import manual
from tests.sources.webhook.preset_fixtures import lives

from dora_exporter.sources.webhook import presets
from dora_exporter.sources.webhook.fields import FieldSettings

KEY = re.compile(r'"(\w+)":')
ROOT = re.compile(r"(?<![\w.'\"`-])([a-z]\w*)\b(?!\s*\()")
PASTED = {"splunk_oncall": "STATE.INCIDENT_NAME", "new_relic": "json issueId", "datadog_monitor": "$ALERT_CYCLE_KEY"}


def pasted(name: str) -> set[str]:
    """The fields of the payload in which this stands."""
    page = manual.page("docs/sources/webhook-presets.md")
    (block,) = (each for each in manual.blocks(page.text, "json", "text") if PASTED[name] in each.text)
    return set(KEY.findall(block.text))


def asked(name: str) -> set[str]:
    """The fields that the preset's expressions begin with."""
    (rule,) = presets.load(name).incidents
    fields = [value for value in dict(rule).values() if isinstance(value, FieldSettings)]
    paths = [rule.match or "", *(f"{each.path} {each.when or ''}" for each in fields)]
    return {found for path in paths for found in ROOT.findall(re.sub(r"`[^`]*`|'[^']*'", "", path))}


@pytest.mark.parametrize("name", PASTED)
def test_a_payload_to_paste_has_what_the_preset_reads(name: str) -> None:
    assert asked(name) == pasted(name)


@pytest.mark.parametrize("name", PASTED)
def test_a_payload_to_paste_is_that_of_the_fixtures(name: str) -> None:
    for fixture in lives()[name]:
        assert pasted(name) <= set(json.loads(fixture.body))


def test_the_pasted_payload_of_a_product_without_types_is_json() -> None:
    page = manual.page("docs/sources/webhook-presets.md")
    for block in manual.blocks(page.text, "json"):
        json.loads(block.text)
