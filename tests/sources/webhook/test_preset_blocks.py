"""The blocks that the documentation gives to copy make events of what their product sends."""

from typing import Any

import pytest
import yaml
from tests.docs import manual
from tests.sources.webhook.preset_fixtures import lives
from tests.sources.webhook.proofs import proof, secret_for
from tests.sources.webhook.webhook_daemon import a_daemon

from dora_exporter.sources.webhook import presets

PAGES = ("docs/sources/webhook-presets.md", "docs/sources/webhook-presets-deployments.md")


def blocks() -> dict[str, dict[str, Any]]:
    """The settings of each block by its preset, without the file of the secrets."""
    found = {}
    for page in PAGES:
        for block in manual.blocks(manual.page(page).text, "yaml"):
            (settings,) = yaml.safe_load(block.text)["sources"].values()
            assert settings.pop("kind") == "webhook"
            assert settings.pop("webhook_secrets_file").endswith("-secrets")
            found[settings["preset"]] = settings
    return found


BLOCKS = blocks()


@pytest.mark.parametrize("name", presets.NAMES)
async def test_a_block_that_is_copied_counts_what_its_product_sends(name: str) -> None:
    verify = presets.load(name).verify
    async with a_daemon(webhook_secrets=[secret_for(verify)], **BLOCKS[name]) as daemon:
        counted = 0
        for fixture in lives()[name]:
            given = proof(verify, fixture.body, now_ms=daemon.clock.now_ms)
            assert await daemon.push(fixture.body, {**fixture.headers, **given.headers}, given.query) == 200
            counted = max(counted, len(daemon.counting) + len(daemon.deployments))
        assert counted == 1, daemon.told
