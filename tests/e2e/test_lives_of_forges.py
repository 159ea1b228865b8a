"""A thousand random lives of each forge, new ones in every run."""

import sys
from random import SystemRandom

import pytest
from tests.sources import test_github_poll, test_gitlab_poll
from tests.sources.github_lives import ALL, live, live_by_other_triggers
from tests.sources.gitlab_lives import live as live_on_gitlab

pytestmark = pytest.mark.e2e
HISTORIES = 1000


@pytest.fixture
def seeds(capsys: pytest.CaptureFixture[str]) -> range:
    """The seeds, which the output names: a life that fails says which of them was its own."""
    first = SystemRandom().randrange(10**9)
    with capsys.disabled():
        sys.stdout.write(f" lives {first} to {first + HISTORIES - 1} ")
    return range(first, first + HISTORIES)


async def test_deployments_of_github_are_held_as_github_has_them(seeds: range) -> None:
    async with test_github_poll.polled() as (fake, daemon):
        for seed in seeds:
            await live(fake, daemon, seed)


async def test_releases_tags_and_runs_of_github_are_neither_lost_nor_doubled(seeds: range) -> None:
    async with test_github_poll.polled(environment="production", **ALL) as (fake, daemon):
        for seed in seeds:
            await live_by_other_triggers(fake, daemon, seed)


async def test_deployments_and_incidents_of_gitlab_are_held_as_gitlab_has_them(seeds: range) -> None:
    async with test_gitlab_poll.a_pair() as (daemon, forge):
        for seed in seeds:
            await live_on_gitlab(daemon, forge, seed)
