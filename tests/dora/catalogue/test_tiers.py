"""Tiers that follow from the names of environments."""

import pytest

from dora_exporter.dora.catalogue.tiers import Tier, guessed_tier


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
