"""``webhook try`` on the documented bodies of every preset."""

import json
from pathlib import Path

import pytest
import yaml
from tests.cli.calling import Called
from tests.sources.webhook.preset_fixtures import Fixture, all_fixtures

from dora_exporter.sources.webhook.presets import NAMES

FIRST = [each for each in all_fixtures() if not each.is_of_a_life or each.path.name[0] == "1"]


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A source for each preset."""
    sources = {
        name: {"kind": "webhook", "preset": name, "service": "elsewhere", "environment": "production"} for name in NAMES
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"sources": sources}))
    return "--config.file=config.yaml"


@pytest.mark.parametrize("name", NAMES)
def test_the_bodies_of_a_preset_are_shown_as_the_events_that_they_become(
    name: str, config: str, called: Called, tmp_path: Path
) -> None:
    for fixture in (each for each in FIRST if each.preset == name):
        (tmp_path / "body.json").write_bytes(fixture.body)
        headers = [f"--header={key}:{value}" for key, value in fixture.headers.items()]
        ended = called("webhook", "try", "body.json", config, f"--source={name}", *headers)
        check(fixture, ended.output, ended.code)
        assert ended.errors


def check(fixture: Fixture, output: str, code: int) -> None:
    """What is printed has what the fixture says of times and ids."""
    if not fixture.becomes:
        assert '"started_at"' not in output, str(fixture)
        return
    (wanted,) = fixture.becomes
    event = json.loads(output)
    assert (event["id"], code) == (f"{fixture.preset}:{wanted['id']}", 0), str(fixture)
    assert (event["type"] == "dora_failure") == ("services" in wanted)
    shown = [event["attributes"].get(each) for each in ("started_at", "finished_at")]
    assert shown == [wanted["started_at"], wanted["finished_at"]], str(fixture)
