"""Authors whose commits are left out of the lead time, and of nothing else."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.builders import deployment, done
from tests.commits.histories import Made, build, pack_of
from tests.commits.test_telemetry import nothing_held, samples
from tests.commits.worlds import Begin, World

from dora_exporter.commits.settings import CommitSettings
from dora_exporter.commits.shipped_commits.excluded_authors import NO_EXCLUSIONS, Authors
from dora_exporter.dora.events import Commit, Shipped
from dora_exporter.dora.failures.commit_text import keys_of
from dora_exporter.dora.failures.first_shipments import FirstShipments

RENOVATE = "renovate[bot] <29139614+renovate[bot]@users.noreply.github.com>"
BOTS = (r"\[bot\]",)


@pytest.mark.parametrize(
    ("patterns", "author", "expected"),
    [
        (BOTS, RENOVATE, True),
        (BOTS, "Ann <ann@example.test>", False),
        (BOTS, "", False),
        ([r".*\[bot\].*"], RENOVATE, True),
        (["^Ann <"], "Ann <ann@example.test>", True),
        (["^Ann <"], "Joanna <joanna@example.test>", False),
        (["@bots.example>$", "(?i)^JENKINS"], "Deploy <deploy@bots.example>", True),
        (["@bots.example>$", "(?i)^JENKINS"], "jenkins <ci@example.test>", True),
        ((), RENOVATE, False),
    ],
)
def test_a_pattern_is_looked_for_in_name_and_address(patterns: list[str], author: str, expected: object) -> None:
    assert Authors(patterns).excludes(author) == expected


def test_other_patterns_have_another_fingerprint() -> None:
    found = [Authors(each).fingerprint for each in ((), ["a"], ["b"], ["a", "b"], ["b", "a"])]
    assert found[0] is None
    assert len({*found}) == 4
    assert NO_EXCLUSIONS.fingerprint is None


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [("(", "is not a valid regular expression"), (".*", "matches every author"), ("", "at least 1 character")],
)
def test_patterns_that_cannot_be_meant_are_refused(pattern: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        CommitSettings(exclude_authors=(pattern,))


@pytest.fixture
def shop(tmp_path: Path) -> list[str]:
    """The SHAs of commits of which a bot made the third and the fifth."""
    made = [
        Made((place - 1,) if place else (), author=RENOVATE if place in (2, 4) else "Ann <ann@example.test>")
        for place in range(6)
    ]
    return build(tmp_path / "shop", made)


def deployed(begin: Begin, shop: list[str], tmp_path: Path, *, authors: tuple[str, ...]) -> tuple[World, str]:
    world = begin(authors=authors)
    world.upload(pack_of(tmp_path / "shop", shop[-1:]), shop[-1])
    world.deploy(shop[0], 0)
    return world, world.deploy(shop[-1], 9)


async def test_the_commits_of_bots_give_no_lead_time_and_are_counted(
    begin: Begin, shop: list[str], tmp_path: Path
) -> None:
    world, last = deployed(begin, shop, tmp_path, authors=BOTS)
    counts = await nothing_held()
    world.store.observers.add(counts.observe)
    await world.resolver.work()
    assert world.shipped(last).excluded == (shop[4], shop[2])
    shipments = FirstShipments()
    done(shipments.adding(world.held(last)))
    assert {each.sha for each, _ in shipments.first_shipped(world.held(last))} == {shop[1], shop[3], shop[5]}
    assert ("sha", shop[4]) in set(keys_of(world.held(last)))
    found = samples(world, counts)
    assert found['commits_left_out{cause="author"}'] == 2
    assert found["commits_held"] == 5


async def test_changed_patterns_take_effect_at_the_next_start(begin: Begin, shop: list[str], tmp_path: Path) -> None:
    world, last = deployed(begin, shop, tmp_path, authors=())
    await world.resolver.work()
    assert world.shipped(last).excluded == ()
    for authors, expected in ((BOTS, 2), (("^Ann",), 3), ((), 0)):
        again = begin(store=world.store, authors=authors)
        await again.resolver.work()
        assert len(again.shipped(last).excluded) == expected
        world.store.observers.remove(again.resolver.observe)
        repeated = begin(store=world.store, authors=authors)
        await repeated.resolver.work()
        assert repeated.log.records == []
        world.store.observers.remove(repeated.resolver.observe)


def test_a_commit_that_is_left_out_is_not_dropped_for_its_time() -> None:
    event = deployment(shipped=Shipped("git.example/shop", "a", (Commit("a", 1 << 50),), excluded=("a",)))
    shipments = FirstShipments()
    done(shipments.adding(event))
    assert [*shipments.first_shipped(event)] == []
