"""What an environment is for, guessed from its name where the settings do not say."""

import re
from typing import Literal, get_args

Tier = Literal["production", "staging", "testing", "development", "other"]

TIERS: tuple[Tier, ...] = get_args(Tier)

WELL_KNOWN: dict[Tier, tuple[str, ...]] = {
    "production": ("prod", "production", "prd", "live"),
    "staging": ("stage", "staging", "stg", "preprod", "preproduction", "pre", "uat", "acc", "acceptance"),
    "testing": ("test", "testing", "tests", "tst", "qa", "ci", "integration", "perf", "loadtest"),
    "development": ("dev", "devel", "development", "develop", "local", "sandbox", "preview", "review"),
}
"""Whole tokens of names. An environment with tokens of several tiers has the last of them: ``pre-prod`` is staging."""

_TIER_OF_TOKEN = {token: tier for tier, tokens in WELL_KNOWN.items() for token in tokens}
_TOKEN = re.compile(r"[^\W\d_]+")


def guessed_tier(environment: str) -> Tier:
    """The tier that the name of an environment says; ``other`` where it says none."""
    tokens = _TOKEN.findall(environment.casefold())
    known = [_TIER_OF_TOKEN[token] for token in tokens if token in _TIER_OF_TOKEN]
    return max(known, key=TIERS.index, default="other")
