"""The deliveries of GitHub in the tests are those that ``@octokit/webhooks-examples`` has."""

import json
from typing import Any

import pytest
from tests.e2e.programs import npm_package
from tests.sources.github_daemon import RECORDED

pytestmark = pytest.mark.e2e

KINDS = {"deployment_status_in_progress": "deployment_status"}
"""The kinds of event of recordings that are not called by it."""


def test_recorded_deliveries_are_those_of_the_package() -> None:
    listed = json.loads((npm_package("@octokit/webhooks-examples") / "api.github.com" / "index.json").read_bytes())
    examples: dict[str, list[Any]] = {each["name"]: each["examples"] for each in listed}
    recorded = {each.stem: json.loads(each.read_bytes()) for each in RECORDED.glob("*.json")}
    assert len(recorded) >= 7
    assert [name for name, body in recorded.items() if body not in examples[KINDS.get(name, name)]] == []
