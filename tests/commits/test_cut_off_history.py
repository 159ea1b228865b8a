"""What is shipped from a history that lacks commits, until they come."""

from pathlib import Path

import pytest
from tests.commits.histories import Made, build, pack_of, packed
from tests.commits.worlds import Begin


async def test_history_that_was_cut_off_is_partial_until_it_comes(begin: Begin, tmp_path: Path) -> None:
    """A long-lived branch whose older part was not uploaded: its merge stays a merge, its present parent counts."""
    made = [Made(), Made((0,)), Made((0,)), Made((2,)), Made((3,)), Made((1, 4)), Made((5,))]
    shas = build(tmp_path / "shop", made)
    world = begin()
    world.upload(packed(tmp_path / "shop", [shas[place] for place in (0, 1, 4, 5, 6)]), shas[6])
    world.deploy(shas[1], 0)
    last = world.deploy(shas[6], 1)
    await world.resolver.work()
    assert set(world.shas(last)) == {shas[4], shas[6]}
    assert world.shipped(last).left_out == {"merge": 1, "partial": 1}
    assert world.shipped(last).partial
    world.upload(packed(tmp_path / "shop", [shas[2], shas[3]]), shas[3])
    await world.resolver.work()
    assert set(world.shas(last)) == {shas[place] for place in (2, 3, 4, 6)}
    assert not world.shipped(last).partial


@pytest.mark.parametrize("restart", [None, "before", "after"])
async def test_what_was_shipped_through_a_hole_before_is_not_shipped_again_once_the_hole_is_filled(
    begin: Begin, shop: list[str], tmp_path: Path, restart: str | None
) -> None:
    """Also where the daemon restarts before that, or ended when what fills it had just come."""
    world = begin()
    world.upload(packed(tmp_path / "shop", [shop[0], shop[1], shop[3]]), shop[3])
    world.deploy(shop[3], 0)
    last = world.deploy(shop[1], 1)
    await world.resolver.work()
    assert world.shas(last) == [shop[1], shop[0]]
    world = begin(store=world.store) if restart == "before" else world
    world.upload(packed(tmp_path / "shop", [shop[2]]), shop[2])
    world = begin(store=world.store) if restart == "after" else world
    await world.resolver.work()
    assert world.shas(last) == []


@pytest.mark.parametrize("restarts", [False, True])
async def test_commits_whose_folders_come_later_are_looked_into_again(
    begin: Begin, shop: list[str], tmp_path: Path, *, restarts: bool
) -> None:
    """Also where the daemon ended when they had just come."""
    patterns = {"checkout": ["files/**"]}
    world = begin(patterns=patterns)
    world.upload(packed(tmp_path / "shop", shop[:4]), shop[3])
    world.deploy(shop[0], 0)
    last = world.deploy(shop[3], 1)
    await world.resolver.work()
    assert world.shipped(last).left_out == {"partial": 3}
    world.upload(pack_of(tmp_path / "shop", [shop[3]]), shop[3])
    world = begin(patterns=patterns, store=world.store) if restarts else world
    await world.resolver.work()
    assert world.shas(last) == [shop[3], shop[2], shop[1]]


async def test_the_first_commit_of_a_series_that_comes_late_counts_for_all_behind_it(
    begin: Begin, tmp_path: Path
) -> None:
    """Also behind one whose history has nothing to do with it."""
    shas = build(tmp_path / "shop", [Made(), Made((0,)), Made((1,)), Made((0,))])
    world = begin()
    world.upload(packed(tmp_path / "shop", [shas[0], shas[1], shas[3]]), shas[3])
    world.deploy(shas[3], 1)
    last = world.deploy(shas[1], 2)
    await world.resolver.work()
    world.deploy(shas[2], 0)
    await world.resolver.work()
    assert world.shas(last) == [shas[1]]
    world.upload(packed(tmp_path / "shop", [shas[2]]), shas[2])
    await world.resolver.work()
    assert world.shas(last) == []


async def test_a_missing_commit_that_was_deployed_before_is_not_counted_as_missing(
    begin: Begin, shop: list[str], tmp_path: Path
) -> None:
    """Also where another deployment is between the one that came late and the one that reaches its commit."""
    world = begin()
    world.upload(packed(tmp_path / "shop", [shop[0], shop[3]]), shop[3])
    world.deploy(shop[0], 1)
    world.deploy(shop[0], 2)
    last = world.deploy(shop[3], 3)
    await world.resolver.work()
    assert world.shipped(last).left_out == {"partial": 1}
    world.deploy(shop[2], 0)
    await world.resolver.work()
    assert world.shipped(last).left_out == {}


async def test_a_merge_of_which_one_parent_was_cut_off_stays_a_merge(begin: Begin, tmp_path: Path) -> None:
    shas = build(tmp_path / "shop", [Made(), Made((0,)), Made((0,)), Made((1, 2))])
    world = begin()
    world.upload(packed(tmp_path / "shop", [shas[0], shas[1], shas[3]]), shas[3])
    world.deploy(shas[0], 0)
    last = world.deploy(shas[3], 1)
    await world.resolver.work()
    assert world.shas(last) == [shas[1]]
    assert world.shipped(last).left_out == {"merge": 1, "partial": 1}


async def test_history_cut_off_below_the_deployment_before_is_whole_enough(
    begin: Begin, shop: list[str], tmp_path: Path
) -> None:
    world = begin()
    world.upload(packed(tmp_path / "shop", shop[4:]), shop[-1])
    world.deploy(shop[5], 0)
    last = world.deploy(shop[8], 1)
    await world.resolver.work()
    assert world.shas(last) == [shop[8], shop[7], shop[6]]
    assert not world.shipped(last).partial
