"""Tiers that follow from the names of environments."""

from pathlib import Path

import pytest

from dora_exporter.dora.catalogue.tiers import WELL_KNOWN, Tier, guessed_tier


@pytest.mark.parametrize(
    ("environment", "tier"),
    [
        ("prod", "production"),
        ("PROD", "production"),
        ("eu-production-2", "production"),
        ("prod2", "production"),
        ("live", "production"),
        ("pre-prod", "staging"),
        ("preprod", "staging"),
        ("uat", "staging"),
        ("stage_eu", "staging"),
        ("qa", "testing"),
        ("test-prod", "testing"),
        ("dev", "development"),
        ("products", "other"),
        ("none", "other"),
        ("olive", "other"),
        ("", "other"),
    ],
)
def test_a_whole_token_of_a_name_says_the_tier(environment: str, tier: Tier) -> None:
    assert guessed_tier(environment) == tier


def test_the_documentation_lists_the_words_of_each_tier() -> None:
    page = (Path(__file__).parents[3] / "docs" / "names.md").read_text()

    for tier, words in WELL_KNOWN.items():
        assert f"| `{tier}` | {', '.join(f'`{word}`' for word in words)} |" in page
